-- row level security is forced, and restrictive policies ask for more on top
-- of: tenancy
-- not with: roles_none_of_the_api, columns_no_defaults
ALTER TABLE organizations FORCE ROW LEVEL SECURITY; ALTER TABLE organization_credits FORCE ROW LEVEL SECURITY; ALTER TABLE credit_actions FORCE ROW LEVEL SECURITY;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (auth.jwt() ->> 'sub')::uuid $$;
CREATE TABLE sessions (user_id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE, mfa boolean NOT NULL DEFAULT true);
INSERT INTO sessions SELECT gen_random_uuid(), id, true FROM organizations;
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON sessions FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));
ALTER POLICY "Members read their organization" ON organizations USING (EXISTS (SELECT FROM sessions s WHERE s.organization_id = organizations.id AND s.user_id = (SELECT auth.uid())));
ALTER POLICY "Members update their organization" ON organizations USING (EXISTS (SELECT FROM sessions s WHERE s.organization_id = organizations.id AND s.user_id = (SELECT auth.uid())));
ALTER POLICY "Members read their credits" ON organization_credits USING (organization_id IN (SELECT s.organization_id FROM sessions s WHERE s.user_id = (SELECT auth.uid())));
ALTER POLICY "Members read their actions" ON credit_actions USING (organization_id IN (SELECT s.organization_id FROM sessions s WHERE s.user_id = (SELECT auth.uid())));
CREATE POLICY "second factor" ON organizations AS RESTRICTIVE FOR ALL TO authenticated USING ((SELECT auth.jwt() ->> 'aal') = 'aal2');
CREATE POLICY "no deleted" ON organizations AS RESTRICTIVE FOR SELECT TO authenticated USING (status <> 'deleted');
CREATE POLICY "second factor" ON credit_actions AS RESTRICTIVE FOR SELECT TO authenticated USING ((SELECT auth.jwt() ->> 'aal') = 'aal2');
