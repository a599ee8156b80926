-- task: 0
-- check: every column is classified in Task 5, before anything is changed
-- trigger: Safety requirements not met
-- point: before the check
-- reason: a column holds nobody knows what
ALTER TABLE organizations ADD COLUMN fax TEXT;
