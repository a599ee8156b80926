-- policies ask a setting that must be there
-- of: tenancy
-- not with: about_invoker
ALTER POLICY "Members read their organization" ON organizations USING (id = current_setting('app.current_org')::uuid);
ALTER POLICY "Members update their organization" ON organizations USING (id = current_setting('app.current_org')::uuid) WITH CHECK (id = current_setting('app.current_org')::uuid);
ALTER POLICY "Members read their credits" ON organization_credits USING (organization_id = current_setting('app.current_org')::uuid);
ALTER POLICY "Members read their actions" ON credit_actions USING (organization_id = current_setting('app.current_org')::uuid);
