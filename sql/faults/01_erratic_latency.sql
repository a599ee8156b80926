-- task: 1
-- check: baseline: consumption call is known closely enough
-- trigger: Cannot establish reliable baseline
-- point: after step 1.2
-- reason: every other call takes 20 ms longer, so its median is a matter of luck
CREATE SEQUENCE calls;
CREATE FUNCTION dawdle() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.02) WHERE nextval('public.calls') % 2 = 0; -- a rollback gives no number back
    RETURN NEW;
END
$$;
CREATE TRIGGER dawdle BEFORE INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION dawdle();
