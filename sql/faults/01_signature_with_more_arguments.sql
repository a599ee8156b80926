-- task: 1
-- check: what consumes credits can be replaced in place
-- trigger: Current system not functioning properly
-- reason: the function demands a fourth argument, which nobody could be asked for
DO $do$
DECLARE
    definition TEXT := pg_get_functiondef('consume_credits_rpc(uuid, text, integer)'::REGPROCEDURE);
BEGIN
    DROP FUNCTION consume_credits_rpc(UUID, TEXT, INTEGER);
    EXECUTE replace(definition, 'p_credits integer', 'p_credits integer, p_invoice uuid');
END
$do$;
