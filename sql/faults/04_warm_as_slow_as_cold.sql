-- task: 4
-- check: a warm balance read takes at most half the time of a cold one
-- point: before the task
-- reason: every read is so slow, old and new, that a warm one gains nothing
CREATE FUNCTION slow() RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.005);
    RETURN true;
END
$$;

CREATE POLICY slow ON organization_credits AS RESTRICTIVE FOR SELECT TO authenticated USING (slow());
CREATE POLICY slow ON organizations AS RESTRICTIVE FOR SELECT TO authenticated USING (slow());
