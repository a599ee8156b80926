-- task: 4
-- check: a balance read is not 20 % slower
-- trigger: Performance degradation >20%
-- point: before the task
-- reason: a policy makes every balance read slow
CREATE FUNCTION slow() RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.002);
    RETURN true;
END
$$;

CREATE POLICY slow ON organizations AS RESTRICTIVE FOR SELECT TO authenticated USING (slow());
