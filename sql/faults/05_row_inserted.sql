-- task: 5
-- check: no sealed audit row was changed, is missing or was inserted
-- trigger: Audit trail corruption
-- point: before the check
-- reason: an audit row is inserted among old ones
INSERT INTO credit_actions (id, organization_id, action_type, credits_consumed, created_at)
SELECT id - 1, organization_id, action_type, 1, created_at
FROM credit_actions
ORDER BY id
LIMIT 1;
