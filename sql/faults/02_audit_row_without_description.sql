-- task: 2
-- check: every organization has exactly one audit row of its migration
-- trigger: Data migration errors or inconsistencies
-- point: before the check
-- reason: a missing plan made the description NULL
UPDATE credit_actions SET description = NULL WHERE action_type = 'migration' AND organization_id = md5('77')::UUID;
