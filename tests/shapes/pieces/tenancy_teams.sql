-- members are found through teams, for a time, by a function
-- of: tenancy
-- not with: keys_none
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT NULLIF(current_setting('request.jwt.claims', true)::jsonb ->> 'sub', '')::uuid $$;
CREATE TABLE teams (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE);
CREATE TABLE team_members (team_id uuid REFERENCES teams ON DELETE CASCADE, user_id uuid NOT NULL, valid_until timestamptz, status text NOT NULL DEFAULT 'active', PRIMARY KEY (team_id, user_id));
INSERT INTO teams (organization_id) SELECT id FROM organizations; INSERT INTO team_members SELECT id, gen_random_uuid(), NULL, 'active' FROM teams;
ALTER TABLE teams ENABLE ROW LEVEL SECURITY; ALTER TABLE team_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON team_members FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));
CREATE POLICY own ON teams FOR SELECT TO authenticated USING (id IN (SELECT team_id FROM team_members WHERE user_id = (SELECT auth.uid())));
CREATE FUNCTION is_member(org uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT EXISTS (SELECT FROM teams t JOIN team_members m ON m.team_id = t.id WHERE t.organization_id = org AND m.user_id = auth.uid() AND m.status = 'active' AND (m.valid_until IS NULL OR m.valid_until > now())) $$;
ALTER POLICY "Members read their organization" ON organizations USING (is_member(id));
ALTER POLICY "Members update their organization" ON organizations USING (is_member(id)) WITH CHECK (is_member(id));
ALTER POLICY "Members read their credits" ON organization_credits USING (is_member(organization_id));
ALTER POLICY "Members read their actions" ON credit_actions USING (is_member(organization_id));
