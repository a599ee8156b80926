-- Makes the way back ready, before its one transaction: a call that waits there for its locks must find its way
-- afterwards. The function that stands moves behind a bridge, which waits first and then asks which pools there are.

BEGIN;

DO $ready$
BEGIN
    IF to_regprocedure('runbook.consume_credits_rpc(uuid, text, integer)') IS NULL
        OR (SELECT prosrc ~ 'consume_multi_credits' FROM pg_proc WHERE oid = 'public.consume_credits_rpc(uuid, text, integer)'::REGPROCEDURE)
    THEN
        RETURN; -- the old function stands where it stood, or the bridge does
    END IF;

    EXECUTE replace(
        pg_get_functiondef('public.consume_credits_rpc(uuid, text, integer)'::REGPROCEDURE),
        'FUNCTION public.consume_credits_rpc(',
        'FUNCTION runbook.consume_multi_credits('
    );

    CREATE OR REPLACE FUNCTION public.consume_credits_rpc(
        p_organization_id UUID,
        p_action_type TEXT,
        p_credits INTEGER
    ) RETURNS JSONB
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp -- the old function's tables
    AS $$
    BEGIN
        LOCK TABLE public.organizations IN ROW EXCLUSIVE MODE; -- until a rollback that is under way has ended
        IF EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = 'public.organizations'::REGCLASS AND attname = 'credits_migrated_at' AND NOT attisdropped
        ) THEN
            RETURN runbook.consume_multi_credits(p_organization_id, p_action_type, p_credits);
        END IF;
        RETURN public.consume_credits_rpc(p_organization_id, p_action_type, p_credits); -- the old one, in its place again
    END
    $$;
END
$ready$;

COMMIT;

-- Calls that began before the bridge stood end first; one that takes longer than five seconds is not waited for.
DO $$
BEGIN
    FOR turn IN 1 .. 100 LOOP
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN NOT EXISTS (
            SELECT FROM pg_stat_activity
            WHERE datname = current_database()
              AND backend_type = 'client backend'
              AND state = 'active'
              AND pid <> pg_backend_pid()
              AND query_start < transaction_timestamp()
        );
        PERFORM pg_sleep(0.05);
    END LOOP;
END
$$;
