-- task: 2
-- check: a first name is required of every row
-- trigger: A user without a first name can be written
-- point: before the check
-- reason: the constraint holds for new rows alone

ALTER TABLE users DROP CONSTRAINT users_first_name_given;
ALTER TABLE users ADD CONSTRAINT users_first_name_given CHECK (first_name IS NOT NULL) NOT VALID;
