-- a version table kept by a trigger on jsonb; large arrays and composites on organizations; a domain of totals
-- of: columns
-- grows: public.versions
-- not with: counters_bigint, counters_numeric, counters_beyond_integer, sizes_overdrawn, triggers_history, around_generated
CREATE TYPE address AS (street text, city text, zip text);
CREATE DOMAIN credits AS integer CHECK (VALUE >= 0);
ALTER TABLE organizations ADD billing address, ADD tags text[] NOT NULL DEFAULT '{}', ADD valid tstzrange NOT NULL DEFAULT tstzrange(now(), NULL), ADD logo bytea, ADD settings jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object');
ALTER TABLE organizations ALTER total_credits TYPE credits;
UPDATE organizations SET billing = ROW('1 Main St', 'X', '1')::address, tags = ARRAY['a b', 'c"d', 'e,f'];
CREATE INDEX ON organizations USING gin (tags); CREATE INDEX ON organizations ((settings ->> 'locale'), lower(name));
CREATE TABLE versions (number integer, valid tstzrange, was jsonb, EXCLUDE USING gist (valid WITH &&) WHERE (number IS NULL) DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE versions ENABLE ROW LEVEL SECURITY; REVOKE ALL ON versions FROM anon, authenticated;
CREATE FUNCTION version_it() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN INSERT INTO versions VALUES (1, OLD.valid, to_jsonb(OLD.*)); NEW.valid := tstzrange(now(), NULL); RETURN NEW; END $$;
REVOKE ALL ON FUNCTION version_it() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER version_it BEFORE UPDATE ON organizations FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION version_it();
