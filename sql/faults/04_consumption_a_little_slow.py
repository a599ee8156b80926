# task: 4
# check: a consumption is within 10 %
# point: after step 4.1
# reason: consumptions take 16 % longer: no rollback trigger, but the criterion is not met

samples = 40
task.connection.execute("""
    CREATE FUNCTION slow_before() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(0.03);
        RETURN NEW;
    END
    $$;

    CREATE FUNCTION slow_after() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(0.0348);
        RETURN NEW;
    END
    $$;

    CREATE TRIGGER slow BEFORE UPDATE ON organization_credits FOR EACH ROW EXECUTE FUNCTION slow_before();
    CREATE TRIGGER slow BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION slow_after();
""")
