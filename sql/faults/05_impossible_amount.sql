-- task: 5
-- check: no row since the migration is of an unknown type, or has an amount or a date that cannot be
-- trigger: Audit trail corruption
-- point: before the check
-- reason: a debit gives credits back, below zero
INSERT INTO credit_actions (organization_id, action_type, credits_consumed)
VALUES (current_setting('runbook.sample')::UUID, 'ai_chat', -1);
