-- task: 5
-- check: the head this run has kept is a link of the chain
-- trigger: Audit trail corruption
-- point: before the check
-- reason: an audit row is deleted, and the whole chain of seals made anew
DELETE FROM credit_actions WHERE id = (SELECT MIN(id) FROM credit_actions);
DELETE FROM credit_action_seals;
SELECT seal_credit_actions();
