-- task: 3
-- check: tenants hold no right that row level security does not guard
-- trigger: Access control failures
-- point: before the check
-- reason: a tenant can set back the counter of the audit log's ids, and all consumption fails
GRANT UPDATE ON SEQUENCE credit_actions_id_seq TO organization_user;
