-- task: 1
-- check: no organization has an action of the type that marks its migration
-- trigger: Data integrity problems found
-- reason: another migration has left its mark on an organization before
INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description)
SELECT id, 'migration', 0, 'Migrated to the new billing' FROM organizations ORDER BY id LIMIT 1;
