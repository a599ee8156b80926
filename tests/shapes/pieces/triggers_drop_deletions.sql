-- the trail never changes: an update or a deletion is dropped in silence
-- of: triggers
-- expect: blocked
CREATE FUNCTION immutable() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON credit_actions FOR EACH ROW EXECUTE FUNCTION immutable();
