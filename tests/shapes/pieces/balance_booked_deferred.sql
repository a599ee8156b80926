-- every action is booked on the balance when its transaction ends
-- of: balance
-- debit: nothing
CREATE FUNCTION book_later() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN UPDATE organization_credits SET used_credits = used_credits + NEW.credits_consumed, remaining_credits = remaining_credits - NEW.credits_consumed WHERE organization_id = NEW.organization_id; RETURN NULL; END $$;
REVOKE ALL ON FUNCTION book_later() FROM PUBLIC, anon, authenticated;
CREATE CONSTRAINT TRIGGER book_later AFTER INSERT ON credit_actions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION book_later();
