-- a webhook is told of each action, once each statement
-- of: triggers
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ BEGIN PERFORM pg_notify('actions', TG_OP); RETURN NULL; END $$;
REVOKE ALL ON FUNCTION tell() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER tell AFTER INSERT ON credit_actions FOR EACH STATEMENT EXECUTE FUNCTION tell();
CREATE TRIGGER tell AFTER UPDATE OF plan_name, status ON organizations FOR EACH STATEMENT EXECUTE FUNCTION tell();
