-- task: 0
-- check: the tables are of the kind the migration is written for
-- trigger: Technical environment issues
-- point: before the check
-- reason: the audit trail is kept in partitions, where no index is built concurrently
ALTER TABLE credit_actions RENAME TO credit_actions_of_before;
CREATE TABLE credit_actions (LIKE credit_actions_of_before) PARTITION BY RANGE (created_at);
