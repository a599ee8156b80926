-- one trigger is kept still, one fires on a replica, one always
-- of: triggers
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER "a still one" BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER "a replica's" BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER "an eternal one" BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION nothing();
ALTER TABLE organizations DISABLE TRIGGER "a still one", ENABLE REPLICA TRIGGER "a replica's", ENABLE ALWAYS TRIGGER "an eternal one";
