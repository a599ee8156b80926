-- no more than five actions a minute
-- of: triggers
CREATE FUNCTION rate_limit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN IF NEW.credits_consumed > 0 AND (SELECT count(*) FROM credit_actions WHERE organization_id = NEW.organization_id AND created_at > now() - interval '1 minute' AND credits_consumed > 0) >= 5 THEN RAISE EXCEPTION 'Too many requests' USING ERRCODE = 'PT429'; END IF; RETURN NEW; END $$;
REVOKE ALL ON FUNCTION rate_limit() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER rate_limit BEFORE INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION rate_limit();
