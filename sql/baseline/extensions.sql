-- What only a superuser may set up inside the new database, which guardian owns.

ALTER SCHEMA public OWNER TO guardian;

-- Extensions stand apart from the tables, as on Supabase.
CREATE SCHEMA IF NOT EXISTS extensions;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO guardian;

-- Only here: in other databases of the cluster guardian keeps its usual path.
DO $$
BEGIN
    EXECUTE format('ALTER ROLE guardian IN DATABASE %I SET search_path = public, extensions', current_database());
END
$$;
