-- task: 2
-- check: each type debits its own pool by one, writes one row, and touches nothing else
-- trigger: Credit consumption not working for any type
-- point: before the check
-- reason: an AI call is logged but not debited
DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('consume_credits_rpc(uuid, text, integer)'::REGPROCEDURE),
        'SET ai_used_credits = ai_used_credits + p_credits',
        'SET ai_used_credits = ai_used_credits'
    );
END
$do$;
