-- task: 5
-- check: the application cannot rewrite the trail
-- trigger: Audit trail corruption
-- point: before the check
-- reason: the application may change audit rows
GRANT UPDATE ON credit_actions TO service_role;
