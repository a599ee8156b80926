-- a trigger stamps changed organizations, another changed balances
-- of: triggers
-- not with: columns_no_stamps
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$ BEGIN NEW.updated_at = now(); RETURN NEW; END $$;
CREATE TRIGGER "Stamp" BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE TRIGGER "Stamp" BEFORE UPDATE ON organization_credits FOR EACH ROW EXECUTE FUNCTION stamp();
