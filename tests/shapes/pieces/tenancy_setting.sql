-- there is no schema auth: the application says who it is by a setting
-- of: tenancy
-- not with: about_invoker
ALTER POLICY "Members read their organization" ON organizations USING (id = NULLIF(current_setting('app.organization', true), '')::uuid);
ALTER POLICY "Members update their organization" ON organizations USING (id = NULLIF(current_setting('app.organization', true), '')::uuid);
ALTER POLICY "Members read their credits" ON organization_credits USING (organization_id = NULLIF(current_setting('app.organization', true), '')::uuid);
ALTER POLICY "Members read their actions" ON credit_actions USING (organization_id = NULLIF(current_setting('app.organization', true), '')::uuid);
DROP SCHEMA auth CASCADE;
