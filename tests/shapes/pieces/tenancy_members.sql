-- tenants are found by auth.uid() and a table of members
-- of: tenancy
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (auth.jwt() ->> 'sub')::uuid $$;
CREATE TABLE members (organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE, user_id uuid NOT NULL, role text NOT NULL DEFAULT 'member', PRIMARY KEY (organization_id, user_id));
INSERT INTO members SELECT id, gen_random_uuid(), 'owner' FROM organizations;
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own memberships" ON members FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));
ALTER POLICY "Members read their organization" ON organizations USING (id IN (SELECT organization_id FROM members WHERE user_id = (SELECT auth.uid())));
ALTER POLICY "Members update their organization" ON organizations USING (id IN (SELECT organization_id FROM members WHERE user_id = (SELECT auth.uid()) AND role = 'owner'));
ALTER POLICY "Members read their credits" ON organization_credits USING (organization_id IN (SELECT organization_id FROM members WHERE user_id = (SELECT auth.uid())));
ALTER POLICY "Members read their actions" ON credit_actions USING (organization_id IN (SELECT organization_id FROM members WHERE user_id = (SELECT auth.uid())));
