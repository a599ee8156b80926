-- task: 2
-- check: every organization has exactly one audit row of its migration
-- trigger: Data migration errors or inconsistencies
-- point: before the check
-- reason: one organization was logged twice
DROP INDEX idx_credit_actions_one_migration;
INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description)
VALUES (md5('77')::UUID, 'migration', 0, 'Migrated to multi-credit system: again');
