-- task: 0
-- check: every row of the three tables may be changed
-- trigger: Safety requirements not met
-- point: before the check
-- reason: old rows break a constraint that nobody has validated, and no statement can change them
ALTER TABLE organizations ADD CONSTRAINT "an address" CHECK (name !~ 'Edge case') NOT VALID;
