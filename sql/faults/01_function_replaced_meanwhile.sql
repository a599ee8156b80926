-- task: 1
-- check: the legacy function is on record, word for word
-- point: before the check
-- reason: somebody deployed another function after it was put on record
DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('consume_credits_rpc(uuid, text, integer)'::REGPROCEDURE),
        'Organization not found',
        'No such organization'
    );
END
$do$;
