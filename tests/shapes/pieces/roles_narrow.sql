-- tenants may change the name of their organization and nothing else
-- of: roles
REVOKE ALL ON organizations, organization_credits, credit_actions FROM anon, authenticated;
GRANT SELECT ON organizations, organization_credits, credit_actions TO authenticated;
GRANT UPDATE (name) ON organizations TO authenticated;
