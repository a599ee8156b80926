-- views, a materialized view, functions in SQL and foreign keys hang on the tables
-- of: around
CREATE VIEW active_organizations WITH (security_invoker = true) AS SELECT * FROM organizations WHERE status = 'active';
CREATE VIEW balances WITH (security_barrier = true) AS SELECT o.name, c.* FROM organizations AS o JOIN organization_credits AS c ON c.organization_id = o.id;
REVOKE ALL ON active_organizations, balances FROM anon, authenticated;
CREATE MATERIALIZED VIEW usage_by_day AS SELECT date_trunc('day', created_at) AS day, sum(credits_consumed) AS used FROM credit_actions GROUP BY 1;
CREATE UNIQUE INDEX ON usage_by_day (day);
REVOKE ALL ON usage_by_day FROM anon, authenticated;
CREATE TABLE invoices (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, organization_id uuid REFERENCES organizations, amount numeric);
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON invoices FROM anon, authenticated;
