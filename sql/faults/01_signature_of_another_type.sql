-- task: 1
-- check: the consumption function has the brief's signature
-- trigger: Current system not functioning properly
-- reason: the function takes another type, so the new one would stand beside it
DO $do$
DECLARE
    definition TEXT := pg_get_functiondef('consume_credits_rpc(uuid, text, integer)'::REGPROCEDURE);
BEGIN
    DROP FUNCTION consume_credits_rpc(UUID, TEXT, INTEGER);
    EXECUTE replace(definition, 'p_credits integer', 'p_credits bigint');
END
$do$;
