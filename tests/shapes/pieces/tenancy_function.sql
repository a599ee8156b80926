-- policies ask a function with its owner's rights, in a schema of its own, which organizations are the caller's
-- of: tenancy
CREATE SCHEMA private;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (NULLIF(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
CREATE TABLE private.memberships (user_id uuid, organization_id uuid REFERENCES organizations ON DELETE CASCADE, PRIMARY KEY (user_id, organization_id));
INSERT INTO private.memberships SELECT gen_random_uuid(), id FROM organizations;
CREATE FUNCTION private.my_organizations() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$ SELECT organization_id FROM private.memberships WHERE user_id = (SELECT auth.uid()) $$;
GRANT USAGE ON SCHEMA private TO authenticated;
REVOKE ALL ON FUNCTION private.my_organizations() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION private.my_organizations() TO authenticated;
ALTER POLICY "Members read their organization" ON organizations USING (id IN (SELECT private.my_organizations()));
ALTER POLICY "Members update their organization" ON organizations USING (id IN (SELECT private.my_organizations()));
ALTER POLICY "Members read their credits" ON organization_credits USING (organization_id IN (SELECT private.my_organizations()));
ALTER POLICY "Members read their actions" ON credit_actions USING (organization_id IN (SELECT private.my_organizations()));
