-- task: 3
-- check: whatever a tenant may read is guarded by row level security
-- trigger: RLS policies not protecting new columns
-- reason: a view runs with its owner's rights, above every policy
CREATE VIEW balances AS SELECT id, name, ai_credits - ai_used_credits AS ai_available FROM organizations;
