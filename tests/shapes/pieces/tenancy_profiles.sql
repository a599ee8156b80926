-- each person has a profile with one organization, a function looks it up, policies ask what role the token names, and a few see all
-- of: tenancy
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (auth.jwt() ->> 'sub')::uuid $$;
CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE AS $$ SELECT auth.jwt() ->> 'role' $$;
CREATE TABLE profiles (id uuid PRIMARY KEY, organization_id uuid REFERENCES organizations ON DELETE SET NULL, full_name text, role text NOT NULL DEFAULT 'member', is_super_admin boolean NOT NULL DEFAULT false);
INSERT INTO profiles (id, organization_id, full_name, role) SELECT gen_random_uuid(), id, 'Someone', 'admin' FROM organizations;
INSERT INTO profiles (id, is_super_admin, role) VALUES (gen_random_uuid(), true, 'admin');
ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON profiles FOR SELECT TO authenticated USING (id = auth.uid());
CREATE FUNCTION my_org() RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$ SELECT organization_id FROM profiles WHERE id = auth.uid() $$;
CREATE FUNCTION is_admin() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$ SELECT coalesce((SELECT is_super_admin FROM profiles WHERE id = auth.uid()), false) $$;
ALTER POLICY "Members read their organization" ON organizations TO public USING ((SELECT auth.role()) = 'authenticated' AND (id = (SELECT my_org()) OR (SELECT is_admin())));
ALTER POLICY "Members update their organization" ON organizations USING (id IN (SELECT organization_id FROM profiles WHERE profiles.id = auth.uid() AND role IN ('owner', 'admin')));
ALTER POLICY "Members read their credits" ON organization_credits USING (organization_id = (SELECT my_org()));
ALTER POLICY "Members read their actions" ON credit_actions USING (organization_id = (SELECT my_org()));
CREATE POLICY service ON credit_actions FOR ALL USING ((SELECT auth.role()) = 'service_role');
