-- task: 3
-- check: whatever a tenant may read is guarded by row level security
-- trigger: RLS policies not protecting new columns
-- reason: a materialized view copies all tenants' rows, and knows no row level security
CREATE MATERIALIZED VIEW balances AS SELECT id, ai_credits - ai_used_credits AS ai_available FROM organizations;
