-- task: 3
-- check: tenants hold no right that row level security does not guard
-- trigger: Access control failures
-- reason: a tenant may create functions where others look for theirs
GRANT CREATE ON SCHEMA public TO authenticated;
