-- actions without a cost are dropped in silence
-- of: triggers
-- expect: blocked
-- not with: types_positive, types_domain_of_costs
CREATE FUNCTION drop_free() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$ BEGIN IF NEW.credits_consumed <= 0 THEN RETURN NULL; END IF; RETURN NEW; END $$;
CREATE TRIGGER drop_free BEFORE INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION drop_free();
