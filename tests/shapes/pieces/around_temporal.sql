-- an exclusion constraint and a function in an index
-- of: around
-- as the superuser
CREATE EXTENSION btree_gist SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO PUBLIC;
-- as the owner
CREATE FUNCTION public.short(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT left(t, 10) $$;
CREATE INDEX ON organizations (public.short(name::text));
ALTER TABLE organizations ADD EXCLUDE USING gist (id WITH =);
