-- task: 5
-- check: a consumption takes less than 50 ms, audit row included
-- point: after step 5.2
-- reason: a consumption takes 60 ms
CREATE FUNCTION slow() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.06);
    RETURN NEW;
END
$$;

CREATE TRIGGER slow BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION slow();
