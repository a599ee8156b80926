-- an update that changes none of the columns known today is dropped in silence
-- of: triggers
-- expect: blocked
CREATE FUNCTION skip_same() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$ BEGIN
  IF (NEW.name, NEW.plan_name, NEW.status, NEW.total_credits) IS NOT DISTINCT FROM (OLD.name, OLD.plan_name, OLD.status, OLD.total_credits) THEN RETURN NULL; END IF; RETURN NEW; END $$;
CREATE TRIGGER skip_same BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION skip_same();
