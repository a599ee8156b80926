-- members are known by e-mail, and whoever is anonymous, gave one factor only or uses a token of another kind is refused
-- of: tenancy
CREATE TABLE crew (organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE, email text NOT NULL, PRIMARY KEY (organization_id, email));
INSERT INTO crew SELECT id, 'crew.' || row_number() OVER (ORDER BY id) || '@example.org' FROM organizations;
ALTER TABLE crew ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON crew FROM anon, authenticated;
CREATE FUNCTION auth.mine() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$ SELECT organization_id FROM public.crew WHERE email = auth.jwt() ->> 'email' $$;
ALTER POLICY "Members read their organization" ON organizations USING (id IN (SELECT auth.mine()) AND (SELECT auth.jwt() ->> 'kind') = 'session');
ALTER POLICY "Members update their organization" ON organizations USING (id IN (SELECT auth.mine()) AND (SELECT auth.jwt() ->> 'kind') = 'session');
ALTER POLICY "Members read their credits" ON organization_credits USING (organization_id IN (SELECT auth.mine()));
ALTER POLICY "Members read their actions" ON credit_actions USING (organization_id IN (SELECT auth.mine()));
CREATE POLICY "A second factor" ON organizations AS RESTRICTIVE FOR ALL TO authenticated USING ((SELECT auth.jwt()) ->> 'aal' = 'aal2');
CREATE POLICY "Nobody anonymous" ON organizations AS RESTRICTIVE FOR ALL TO authenticated USING ((SELECT (auth.jwt() ->> 'is_anonymous')::boolean) IS FALSE);
