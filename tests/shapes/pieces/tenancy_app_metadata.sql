-- the organization stands deeper in the token
-- of: tenancy
ALTER POLICY "Members read their organization" ON organizations USING (id = ((SELECT auth.jwt()) -> 'app_metadata' ->> 'org_id')::uuid);
ALTER POLICY "Members update their organization" ON organizations USING (id = ((SELECT auth.jwt()) -> 'app_metadata' ->> 'org_id')::uuid);
ALTER POLICY "Members read their credits" ON organization_credits USING (organization_id = ((SELECT auth.jwt()) -> 'app_metadata' ->> 'org_id')::uuid);
ALTER POLICY "Members read their actions" ON credit_actions USING (organization_id = ((SELECT auth.jwt()) -> 'app_metadata' ->> 'org_id')::uuid);
