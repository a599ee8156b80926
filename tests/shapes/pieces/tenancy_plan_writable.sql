-- members write their own balance, as an early version of the application did
-- of: tenancy
CREATE POLICY "Members write their credits" ON organization_credits FOR ALL TO authenticated USING (organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::uuid);
