-- task: 3
-- check: whatever a tenant may read is guarded by row level security
-- trigger: RLS policies not protecting new columns
-- reason: row level security was switched off on a table, and every tenant reads all of it
ALTER TABLE organizations DISABLE ROW LEVEL SECURITY;
