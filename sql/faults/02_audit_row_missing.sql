-- task: 2
-- check: every organization has exactly one audit row of its migration
-- trigger: Data migration errors or inconsistencies
-- point: before the check
-- reason: one migration was not logged
DELETE FROM credit_actions WHERE action_type = 'migration' AND organization_id = md5('77')::UUID;
