-- there are no tenants in the database: no row level security, tables open to the server alone
-- of: tenancy
-- not with: about_invoker
DROP POLICY "Members read their organization" ON organizations;
DROP POLICY "Members update their organization" ON organizations;
DROP POLICY "Members read their credits" ON organization_credits;
DROP POLICY "Members read their actions" ON credit_actions;
ALTER TABLE organizations DISABLE ROW LEVEL SECURITY;
ALTER TABLE organization_credits DISABLE ROW LEVEL SECURITY;
ALTER TABLE credit_actions DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON organizations, organization_credits, credit_actions FROM anon, authenticated;
