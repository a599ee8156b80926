-- the function stands in a schema of the API, away from the tables
-- of: about
-- expect: blocked
-- not with: function_none, tenancy_function, around_api_views, schema_elsewhere, schema_of_a_visitor
CREATE SCHEMA rpc;
GRANT USAGE ON SCHEMA rpc TO service_role;
DO $$ BEGIN EXECUTE format('ALTER FUNCTION %s SET SCHEMA rpc', (SELECT oid::regprocedure FROM pg_proc WHERE proname = 'consume_credits_rpc')); END $$;
