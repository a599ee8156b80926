-- signed-in users found organizations, delete their own with all that hangs on it, and log actions themselves
-- of: tenancy
-- not with: keys_none, keys_deferrable, keys_set_null, ids_partitioned
ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey, ADD FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE;
CREATE POLICY "Anybody founds" ON organizations FOR INSERT TO authenticated WITH CHECK ((SELECT auth.jwt()) IS NOT NULL);
CREATE POLICY "Members leave" ON organizations FOR DELETE TO authenticated USING (id = ((SELECT auth.jwt()) ->> 'organization_id')::uuid);
CREATE POLICY "Members log" ON credit_actions FOR INSERT TO authenticated WITH CHECK (organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::uuid);
