-- task: 0
-- check: the three tables stand in the schema that the plan names
-- trigger: Technical environment issues
-- point: before the check
-- reason: a table of the migration is not there
ALTER TABLE credit_actions RENAME TO credit_history;
