-- task: 2
-- check: a request sent three times debits once and gets one answer
-- trigger: Function deployment failures
-- point: before the check
-- reason: a retried request is debited again

DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('consume_credits_once(uuid, text, integer, text)'::REGPROCEDURE),
        'ON CONFLICT DO NOTHING',
        'ON CONFLICT (organization_id, idempotency_key) DO UPDATE SET created_at = now()'
    );
END
$do$;
