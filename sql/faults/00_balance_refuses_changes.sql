-- task: 0
-- check: a balance can be written back by a rollback
-- trigger: Technical environment issues
-- point: before the check
-- reason: a trigger lets only the function write balances, so that no rollback could give back what was consumed
CREATE FUNCTION guard_balance() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF COALESCE(current_setting('app.consuming', true), '') <> 'on' THEN
        RAISE EXCEPTION 'balances are written by consume_credits_rpc alone';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER guard_balance BEFORE UPDATE ON organization_credits
FOR EACH ROW EXECUTE FUNCTION guard_balance();
