-- triggers find their tables and functions by the caller's search_path, as most are written
-- of: triggers
-- grows: public.changes_log
-- as the superuser
CREATE EXTENSION hstore SCHEMA extensions;
-- as the owner
CREATE TABLE changes_log (of text, at timestamptz DEFAULT now(), was text);
ALTER TABLE changes_log ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON changes_log FROM anon, authenticated;
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    'BEGIN INSERT INTO changes_log (of, was) VALUES (TG_TABLE_NAME, hstore(OLD)::text); RETURN NULL; END';
REVOKE ALL ON FUNCTION keep() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER keep AFTER UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION keep();
CREATE TRIGGER keep AFTER UPDATE ON organization_credits FOR EACH ROW EXECUTE FUNCTION keep();
CREATE TRIGGER keep AFTER UPDATE OR DELETE ON credit_actions FOR EACH ROW EXECUTE FUNCTION keep();
