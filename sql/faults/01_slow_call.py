# task: 1
# check: baseline: consumption call is no performance issue
# trigger: Performance issues detected
# point: after step 1.2
# reason: every call takes longer than the limit

samples = 100
task.connection.execute("""
    CREATE FUNCTION dawdle() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.11); RETURN NEW; END'
""")
task.connection.execute("CREATE TRIGGER dawdle BEFORE INSERT ON credit_actions EXECUTE FUNCTION dawdle()")
