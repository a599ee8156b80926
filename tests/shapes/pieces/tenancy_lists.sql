-- the token lists the organizations of whoever signed in, deep in it
-- of: tenancy
CREATE FUNCTION auth.my_organizations() RETURNS uuid[] LANGUAGE sql STABLE AS $$ SELECT ARRAY(SELECT jsonb_array_elements_text(coalesce(auth.jwt() -> 'app_metadata' -> 'orgs', '[]'))::uuid) $$;
ALTER POLICY "Members read their organization" ON organizations USING (id = ANY ((SELECT auth.my_organizations())::uuid[]));
ALTER POLICY "Members update their organization" ON organizations USING (id = ANY ((SELECT auth.my_organizations())::uuid[]));
ALTER POLICY "Members read their credits" ON organization_credits USING (organization_id = ANY ((SELECT auth.my_organizations())::uuid[]));
ALTER POLICY "Members read their actions" ON credit_actions USING (organization_id = ANY ((SELECT auth.my_organizations())::uuid[]));
