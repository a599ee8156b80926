-- administrators of the product see everybody: a second, permissive policy each
-- of: tenancy
CREATE POLICY "Staff reads all" ON organizations FOR SELECT TO authenticated USING (((SELECT auth.jwt()) ->> 'staff')::boolean);
CREATE POLICY "Staff reads all" ON organization_credits FOR SELECT TO authenticated USING (((SELECT auth.jwt()) ->> 'staff')::boolean);
CREATE POLICY "Only while active" ON organizations AS RESTRICTIVE FOR UPDATE TO authenticated USING (status = 'active');
