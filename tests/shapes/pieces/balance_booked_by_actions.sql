-- every action is booked on the balance by a trigger
-- of: balance
-- debit: nothing
CREATE FUNCTION book() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN UPDATE organization_credits SET used_credits = used_credits + NEW.credits_consumed, remaining_credits = remaining_credits - NEW.credits_consumed WHERE organization_id = NEW.organization_id; RETURN NULL; END $$;
REVOKE ALL ON FUNCTION book() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER book AFTER INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION book();
