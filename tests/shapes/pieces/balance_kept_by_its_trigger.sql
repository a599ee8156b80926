-- what remains is kept by a trigger on the balance
-- of: balance
-- debit: used_credits = used_credits + @n@
CREATE FUNCTION keep_remaining() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$ BEGIN NEW.remaining_credits := NEW.total_credits - NEW.used_credits; RETURN NEW; END $$;
CREATE TRIGGER keep_remaining BEFORE INSERT OR UPDATE ON organization_credits FOR EACH ROW EXECUTE FUNCTION keep_remaining();
