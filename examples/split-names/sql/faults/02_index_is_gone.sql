-- task: 2
-- check: users are found by their last name
-- trigger: The index cannot be used
-- point: before the check
-- reason: the index is gone

DROP INDEX users_last_name_first_name;
