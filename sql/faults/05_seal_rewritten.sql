-- task: 5
-- check: no sealed audit row was changed, is missing or was inserted
-- trigger: Audit trail corruption
-- point: before the check
-- reason: an audit row is deleted, and the seal of its range made to fit
DELETE FROM credit_actions WHERE id = (SELECT MIN(id) FROM credit_actions);

UPDATE credit_action_seals
SET (actions, credits, digest) = (SELECT actions, credits, digest FROM digest_credit_actions(first_place, last_place))
WHERE seal_id = 1;
