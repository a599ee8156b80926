-- the tables stand in another schema
-- of: schema
-- lies in: Billing App
-- not with: balance_booked_by_actions, balance_booked_by_statement, balance_booked_deferred, balance_mirrored, about_callers, about_overloads, around_top_ups
CREATE SCHEMA "Billing App";
GRANT USAGE ON SCHEMA "Billing App" TO anon, authenticated, service_role;
ALTER TABLE organizations SET SCHEMA "Billing App";
ALTER TABLE organization_credits SET SCHEMA "Billing App";
ALTER TABLE credit_actions SET SCHEMA "Billing App";
DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid FROM pg_proc WHERE proname = 'consume_credits_rpc' LOOP
  EXECUTE format('ALTER FUNCTION %s SET SCHEMA "Billing App"', f);
END LOOP; FOR f IN SELECT oid FROM pg_proc WHERE proname = 'consume_credits_rpc' LOOP
  EXECUTE format('ALTER FUNCTION %s SET search_path = "Billing App", pg_temp', f);
END LOOP; END $$;
