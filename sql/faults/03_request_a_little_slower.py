# task: 3
# check: under RLS a request takes less than a tenth longer
# point: after step 3.2
# reason: row level security takes 18 % longer: no rollback trigger, but the criterion is not met

samples = 60
task.connection.execute("""
    CREATE FUNCTION slow(seconds FLOAT) RETURNS BOOLEAN LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(seconds); RETURN true; END';

    -- Everybody waits, whoever row level security concerns a little longer; once: two waits would be late twice
    ALTER TABLE organizations RENAME TO organizations_behind;
    CREATE VIEW organizations WITH (security_invoker) AS SELECT * FROM organizations_behind
    WHERE slow(CASE WHEN row_security_active('organizations_behind') THEN 0.0236 ELSE 0.02 END)
""")
