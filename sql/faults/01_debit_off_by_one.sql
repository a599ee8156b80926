-- task: 1
-- check: each action type is debited, to the credit and with its audit rows
-- trigger: Current system not functioning properly
-- reason: the function takes one credit more than it says
DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('consume_credits_rpc(uuid, text, integer)'::REGPROCEDURE),
        'remaining_credits - p_credits,',
        'remaining_credits - p_credits - 1,'
    );
END
$do$;
