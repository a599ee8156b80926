-- an organization's plan is never changed without an action on record
-- of: triggers
CREATE FUNCTION fill_plan() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$ BEGIN NEW.plan_name := COALESCE(NEW.plan_name, 'free'); RETURN NEW; END $$;
CREATE TRIGGER fill_plan BEFORE INSERT OR UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION fill_plan();
