-- task: 5
-- check: an audit row takes less than 50 ms
-- point: after step 5.2
-- reason: an audit row takes 60 ms
CREATE FUNCTION slow() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.06);
    RETURN NEW;
END
$$;

CREATE TRIGGER slow BEFORE INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION slow();
