-- tenants see everybody's organizations
-- of: tenancy
-- expect: acceptance
CREATE POLICY "A directory" ON organizations FOR SELECT TO authenticated USING (true);
