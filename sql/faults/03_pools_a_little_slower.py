# task: 3
# check: four pools are read less than a tenth slower than one
# point: after step 3.2
# reason: four pools take 18 % longer to read than one: no rollback trigger, but the criterion is not met

samples = 60
task.connection.execute("""
    CREATE FUNCTION slow(seconds FLOAT) RETURNS BOOLEAN LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(seconds); RETURN true; END';

    CREATE POLICY slow ON organization_credits AS RESTRICTIVE FOR SELECT TO authenticated USING (slow(0.02));

    -- The new pools are as slow for whom row level security does not concern
    ALTER TABLE organizations RENAME TO organizations_behind;
    CREATE VIEW organizations WITH (security_invoker) AS SELECT * FROM organizations_behind WHERE slow(0.0236)
""")
