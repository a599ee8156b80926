-- no token: a role of the application's own does everything with the rows of the organization that a setting names
-- of: tenancy
-- as the superuser
CREATE ROLE "crm app" NOLOGIN;
GRANT "crm app" TO guardian;
GRANT USAGE ON SCHEMA public TO "crm app";
SET ROLE guardian;
GRANT SELECT, INSERT, UPDATE, DELETE ON organizations, organization_credits, credit_actions TO "crm app";
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "crm app";
DROP POLICY "Members read their organization" ON organizations;
DROP POLICY "Members update their organization" ON organizations;
DROP POLICY "Members read their credits" ON organization_credits;
DROP POLICY "Members read their actions" ON credit_actions;
CREATE FUNCTION current_organization() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('app.organization', true), '')::uuid $$;
CREATE POLICY mine ON organizations TO "crm app" USING (id = (SELECT current_organization()));
CREATE POLICY mine ON organization_credits TO "crm app" USING (organization_id = (SELECT current_organization()));
CREATE POLICY mine ON credit_actions TO "crm app" USING (organization_id = (SELECT current_organization()));
RESET ROLE;
