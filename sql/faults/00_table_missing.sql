-- task: 0
-- check: the role has what the migration needs, and no more
-- trigger: Safety requirements not met
-- point: before the check
-- reason: a table of the migration is not there
ALTER TABLE credit_actions RENAME TO credit_history;
