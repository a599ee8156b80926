-- policies read the claim for every row
-- of: tenancy
ALTER POLICY "Members read their organization" ON organizations USING (id = (auth.jwt() ->> 'organization_id')::uuid);
ALTER POLICY "Members update their organization" ON organizations USING (id = (auth.jwt() ->> 'organization_id')::uuid);
ALTER POLICY "Members read their actions" ON credit_actions USING (organization_id = (auth.jwt() ->> 'organization_id')::uuid);
