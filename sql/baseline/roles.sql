-- The roles of a Supabase-like cluster.
-- Run as a superuser. Roles belong to the cluster, not to a database, so this may run again and again.

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['anon', 'authenticated', 'service_role', 'organization_user', 'guardian'] LOOP
        IF to_regrole(role_name) IS NULL THEN
            EXECUTE format('CREATE ROLE %I', role_name);
        END IF;
    END LOOP;
END
$$;

-- What the API becomes for a visitor, for a signed-in user, and for a trusted server.
ALTER ROLE anon NOLOGIN;
ALTER ROLE authenticated NOLOGIN;
ALTER ROLE service_role NOLOGIN BYPASSRLS;

-- A tenant: whatever is allowed to signed-in users is allowed to it.
ALTER ROLE organization_user NOLOGIN INHERIT;
GRANT authenticated TO organization_user;

-- Owns the database, as `postgres` does on Supabase: above row level security, but no superuser.
ALTER ROLE guardian LOGIN NOSUPERUSER CREATEDB NOCREATEROLE BYPASSRLS;
GRANT anon, authenticated, service_role, organization_user TO guardian;

-- It reads everybody's statistics, but may end no sessions except its own.
GRANT pg_read_all_stats TO guardian;
