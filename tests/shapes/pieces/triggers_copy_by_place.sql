-- a history of organizations, row by row as it was (INSERT … SELECT OLD.*)
-- of: triggers
-- expect: blocked
CREATE TABLE organizations_history (LIKE organizations, replaced_at timestamptz NOT NULL DEFAULT now());
ALTER TABLE organizations_history ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON organizations_history FROM anon, authenticated;
CREATE FUNCTION keep_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN INSERT INTO organizations_history SELECT OLD.*, now(); RETURN NULL; END $$;
REVOKE ALL ON FUNCTION keep_version() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER keep_version AFTER UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION keep_version();
