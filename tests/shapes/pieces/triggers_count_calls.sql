-- calls are counted with the balance, before an action is written
-- of: triggers
-- expect: blocked
ALTER TABLE organization_credits ADD calls bigint NOT NULL DEFAULT 0, ADD last_call timestamptz;
CREATE FUNCTION count_call() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  UPDATE organization_credits SET calls = calls + 1, last_call = now() WHERE organization_id = NEW.organization_id; RETURN NEW; END $$;
REVOKE ALL ON FUNCTION count_call() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER count_call BEFORE INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION count_call();
