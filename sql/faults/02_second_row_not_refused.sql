-- task: 2
-- check: every index stands and is valid
-- trigger: Schema migration failures
-- point: before the check
-- reason: nothing refuses a second migration row any more
DROP INDEX idx_credit_actions_one_migration
