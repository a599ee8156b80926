-- task: 1
-- check: each wrong call is refused by the function itself
-- trigger: Current system not functioning properly
-- reason: a negative amount gives credits away
DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('consume_credits_rpc(uuid, text, integer)'::REGPROCEDURE),
        'p_credits <= 0',
        'p_credits = 0'
    );
END
$do$;
