-- task: 5
-- check: every organization has exactly one migration row
-- trigger: Logging failures or gaps
-- point: before the check
-- reason: an organization has lost the row of its migration
DELETE FROM credit_actions
WHERE action_type = 'migration'
  AND organization_id = (SELECT id FROM organizations ORDER BY id LIMIT 1);
