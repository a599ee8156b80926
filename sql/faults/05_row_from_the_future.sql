-- task: 5
-- check: no row since the migration has an impossible type, amount or date
-- trigger: Audit trail corruption
-- point: before the check
-- reason: an audit row is dated tomorrow
UPDATE credit_actions
SET created_at = now() + INTERVAL '1 day'
WHERE action_type = 'migration' AND organization_id = current_setting('runbook.sample')::UUID;
