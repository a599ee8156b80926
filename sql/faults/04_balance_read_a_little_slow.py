# task: 4
# check: a balance read is within 10 %
# point: after step 4.1
# reason: balance reads take 16 % longer: no rollback trigger, but the criterion is not met

samples = 40
task.connection.execute("""
    CREATE FUNCTION slow_before() RETURNS BOOLEAN LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(0.03);
        RETURN true;
    END
    $$;

    CREATE FUNCTION slow_after() RETURNS BOOLEAN LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(0.0348);
        RETURN true;
    END
    $$;

    CREATE POLICY slow ON organization_credits AS RESTRICTIVE FOR SELECT TO authenticated USING (slow_before());
    CREATE POLICY slow ON organizations AS RESTRICTIVE FOR SELECT TO authenticated USING (slow_after());
""")
