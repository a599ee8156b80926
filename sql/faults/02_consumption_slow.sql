-- task: 2
-- check: a consumption takes less than 50 ms
-- trigger: Function deployment failures
-- point: before the check
-- reason: a trigger makes every consumption wait
CREATE FUNCTION slow() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.06);
    RETURN NEW;
END
$$;

CREATE TRIGGER slow BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION slow();
