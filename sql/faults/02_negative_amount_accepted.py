# task: 2
# check: wrong calls are refused, each for its own reason
# trigger: Function deployment failures
# point: before the check
# reason: a negative amount gives credits away

task.connection.execute("""
    DO $do$
    BEGIN
        EXECUTE replace(
            pg_get_functiondef('consume_credits_rpc(uuid, text, integer)'::REGPROCEDURE),
            '(p_credits > 0) IS NOT TRUE',
            '(p_credits <> 0) IS NOT TRUE'
        );
    END
    $do$
""")
# The calls were made in the cell before
codes = {name: getattr(task.attempt(None, call), "sqlstate", "accepted") for name, call in refused.items()}
