-- task: 3
-- check: tenants hold no right that row level security does not guard
-- trigger: Access control failures
-- reason: row level security does not guard against TRUNCATE
GRANT TRUNCATE ON credit_actions TO authenticated;
