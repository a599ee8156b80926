-- the total of an organization is copied to its balance by a trigger
-- of: balance
CREATE FUNCTION mirror_total() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN UPDATE organization_credits SET remaining_credits = NEW.total_credits - used_credits, total_credits = NEW.total_credits WHERE organization_id = NEW.id; RETURN NULL; END $$;
REVOKE ALL ON FUNCTION mirror_total() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER mirror_total AFTER UPDATE OF total_credits ON organizations FOR EACH ROW WHEN (NEW.total_credits IS DISTINCT FROM OLD.total_credits) EXECUTE FUNCTION mirror_total();
