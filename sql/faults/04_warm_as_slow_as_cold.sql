-- task: 4
-- check: a warm balance read takes at most half the time of a cold one
-- point: after step 4.2
-- reason: every balance read is so slow that a warm one gains nothing
CREATE FUNCTION slow() RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.02);
    RETURN true;
END
$$;

CREATE POLICY slow ON organizations AS RESTRICTIVE FOR SELECT TO authenticated USING (slow());
