-- task: 0
-- check: a function that consumes credits takes an organization, a type and an amount
-- trigger: Technical environment issues
-- point: before the check
-- reason: the function demands a fourth argument, which nobody could be asked for
DO $do$
DECLARE
    definition TEXT := pg_get_functiondef('consume_credits_rpc(uuid, text, integer)'::REGPROCEDURE);
BEGIN
    DROP FUNCTION consume_credits_rpc(UUID, TEXT, INTEGER);
    EXECUTE replace(definition, 'p_credits integer', 'p_credits integer, p_invoice uuid');
END
$do$;
