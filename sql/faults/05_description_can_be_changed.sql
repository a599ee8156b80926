-- task: 5
-- check: nobody but the owner can change, remove or forge an audit row
-- trigger: Audit trail corruption
-- point: before the check
-- reason: the application may rewrite descriptions
GRANT UPDATE (description) ON credit_actions TO service_role;
