-- task: 5
-- check: no row since the migration has an impossible type, amount or date
-- trigger: Audit trail corruption
-- point: before the check
-- reason: somebody has logged a fax
INSERT INTO credit_actions (organization_id, action_type, credits_consumed)
VALUES (current_setting('runbook.sample')::UUID, 'fax', 1);
