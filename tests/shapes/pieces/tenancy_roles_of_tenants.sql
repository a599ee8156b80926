-- each tenant has a role of the database, which its organization names
-- of: tenancy
-- not with: about_invoker, roles_none_of_the_api, schema_elsewhere
-- as the superuser
CREATE ROLE tenant_one NOLOGIN; CREATE ROLE tenant_two NOLOGIN; GRANT tenant_one, tenant_two TO guardian;
GRANT USAGE ON SCHEMA public TO tenant_one, tenant_two;
-- as the owner
ALTER TABLE organizations ADD db_role name UNIQUE;
UPDATE organizations SET db_role = 'tenant_one' WHERE id = (SELECT id FROM organizations WHERE name !~ 'Edge' ORDER BY id LIMIT 1);
UPDATE organizations SET db_role = 'tenant_two' WHERE id = (SELECT id FROM organizations WHERE name !~ 'Edge' ORDER BY id OFFSET 1 LIMIT 1);
GRANT SELECT ON organizations, organization_credits, credit_actions TO tenant_one, tenant_two; GRANT UPDATE (name) ON organizations TO tenant_one, tenant_two;
DROP POLICY "Members read their organization" ON organizations; DROP POLICY "Members update their organization" ON organizations; DROP POLICY "Members read their credits" ON organization_credits; DROP POLICY "Members read their actions" ON credit_actions;
CREATE POLICY own ON organizations TO tenant_one, tenant_two USING (db_role = current_user);
CREATE POLICY own ON organization_credits FOR SELECT TO tenant_one, tenant_two USING (organization_id IN (SELECT id FROM organizations));
CREATE POLICY own ON credit_actions FOR SELECT TO tenant_one, tenant_two USING (organization_id IN (SELECT id FROM organizations));
