-- task: 0
-- check: every column that the migration reads or writes is there
-- trigger: Technical environment issues
-- point: before the check
-- reason: the application calls a column otherwise
ALTER TABLE credit_actions RENAME description TO note;
