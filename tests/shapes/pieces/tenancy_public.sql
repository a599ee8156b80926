-- policies are for everybody: PUBLIC instead of a role
-- of: tenancy
ALTER POLICY "Members read their organization" ON organizations TO PUBLIC;
ALTER POLICY "Members update their organization" ON organizations TO PUBLIC;
ALTER POLICY "Members read their credits" ON organization_credits TO PUBLIC;
ALTER POLICY "Members read their actions" ON credit_actions TO PUBLIC;
