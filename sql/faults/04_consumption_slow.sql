-- task: 4
-- check: a consumption is not 20 % slower
-- trigger: Performance degradation >20%
-- point: before the task
-- reason: a trigger makes every consumption slow
CREATE FUNCTION slow() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.002);
    RETURN NEW;
END
$$;

CREATE TRIGGER slow BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION slow();
