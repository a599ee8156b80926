-- task: 5
-- check: the measurements left no row behind
-- trigger: Audit trail corruption
-- point: before the check
-- reason: a test row was committed
INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description)
VALUES (current_setting('runbook.sample')::UUID, 'ai_chat', 1, 'Performance test');
