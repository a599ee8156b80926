-- task: 5
-- check: no sealed audit row was changed, is missing or was inserted
-- trigger: Audit trail corruption
-- point: before the check
-- reason: an audit row from before the migration is deleted, which no counter shows
DELETE FROM credit_actions WHERE id = (SELECT MIN(id) FROM credit_actions);
