-- task: 5
-- check: no sealed audit row was changed, is missing or was inserted
-- trigger: Audit trail corruption
-- point: before the check
-- reason: type and date of a debit are changed, and its range is sealed again as after a retention
UPDATE credit_actions
SET action_type = 'sms_send', created_at = created_at - INTERVAL '1 day'
WHERE id = (SELECT MIN(id) FROM credit_actions WHERE action_type = 'ai_chat');

SELECT add_credit_action_seal(seal.first_place, seal.last_place, found.actions, found.credits, found.digest, 1)
FROM credit_action_seals AS seal
CROSS JOIN LATERAL digest_credit_actions(seal.first_place, seal.last_place) AS found
WHERE found.digest <> seal.digest;
