-- balances are written by the function alone: a trigger looks who is on the stack
-- of: triggers
-- not with: function_none
-- expect: blocked
CREATE FUNCTION one_writer() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$ DECLARE stack text; BEGIN
  GET DIAGNOSTICS stack = PG_CONTEXT;
  IF stack !~ 'consume_credits_rpc' THEN RAISE EXCEPTION 'balances are written by consume_credits_rpc alone'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER one_writer BEFORE UPDATE ON organization_credits FOR EACH ROW EXECUTE FUNCTION one_writer();
