-- the tables belong to a role of the application, whom row level security holds as well, and whose own policies let it
-- of: tenancy
-- not with: about_another_owner, about_invoker, roles_none_of_the_api, around_other_owners, schema_elsewhere, around_row_type_column, function_does_more
-- as the superuser
CREATE ROLE app_owner NOLOGIN;
GRANT app_owner TO guardian;
GRANT USAGE, CREATE ON SCHEMA public TO app_owner;
GRANT USAGE ON SCHEMA auth TO app_owner;
ALTER TABLE organizations OWNER TO app_owner;
ALTER TABLE organization_credits OWNER TO app_owner;
ALTER TABLE credit_actions OWNER TO app_owner;
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
ALTER TABLE organization_credits FORCE ROW LEVEL SECURITY;
ALTER TABLE credit_actions FORCE ROW LEVEL SECURITY;
DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid FROM pg_proc WHERE proname = 'consume_credits_rpc' LOOP EXECUTE format('ALTER FUNCTION %s OWNER TO app_owner', f); END LOOP; END $$;
CREATE POLICY "The application" ON organizations TO app_owner USING (true) WITH CHECK (true);
CREATE POLICY "The application" ON organization_credits TO app_owner USING (true) WITH CHECK (true);
CREATE POLICY "The application" ON credit_actions TO app_owner USING (true) WITH CHECK (true);
