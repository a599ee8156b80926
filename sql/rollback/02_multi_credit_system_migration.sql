-- Gives back the single pool. One transaction: customers meet the old system or the new one, nothing between.
-- Consumption since the migration is folded back into the old balances; its audit rows stay.

-- The keys before the organizations, as a call takes them: one that is under way ends first.
DROP TABLE IF EXISTS idempotency_keys;
DROP FUNCTION IF EXISTS consume_credits_once(UUID, TEXT, INTEGER, TEXT);

LOCK TABLE organizations, organization_credits, credit_actions IN SHARE ROW EXCLUSIVE MODE;

-- The old function returns untouched from the schema where it waited.
DO $$
BEGIN
    IF to_regprocedure('runbook.consume_credits_rpc(uuid, text, integer)') IS NOT NULL THEN
        DROP FUNCTION public.consume_credits_rpc(UUID, TEXT, INTEGER);
        ALTER FUNCTION runbook.consume_credits_rpc(UUID, TEXT, INTEGER) SET SCHEMA public;
    END IF;
END
$$;

DROP FUNCTION IF EXISTS runbook.consume_multi_credits(UUID, TEXT, INTEGER);
DROP FUNCTION IF EXISTS may_consume(UUID);
DROP FUNCTION IF EXISTS called_by_server();
DROP TRIGGER IF EXISTS allocate_new_organization ON organizations;
DROP FUNCTION IF EXISTS allocate_new_organization();

-- PostgREST answers from what it knows of the schema: from the commit on, let it look again.
NOTIFY pgrst, 'reload schema';

-- An organization born meanwhile gets the balance it would have had.
INSERT INTO organization_credits (organization_id, total_credits, remaining_credits)
SELECT o.id, COALESCE(o.total_credits, 0), COALESCE(o.total_credits, 0)
FROM organizations AS o
JOIN credit_actions AS born ON born.organization_id = o.id
WHERE born.action_type = 'migration' AND born.description LIKE 'Created in multi-credit system%'
ON CONFLICT (organization_id) DO NOTHING;

-- An audit row written after its organization's migration row was paid from the new pools: the row lock of the
-- migration puts every call wholly before or wholly after it, and ids grow in that order.
CREATE TEMP TABLE folded ON COMMIT DROP AS
SELECT
    a.organization_id,
    SUM(a.credits_consumed) AS consumed,
    EXISTS (SELECT FROM organization_credits AS c WHERE c.organization_id = a.organization_id) AS had_old_pool
FROM credit_actions AS a
JOIN credit_actions AS migrated
    ON migrated.organization_id = a.organization_id AND migrated.action_type = 'migration' AND migrated.id < a.id
WHERE a.action_type IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send')
GROUP BY a.organization_id;

UPDATE organization_credits AS c
SET
    used_credits = used_credits + consumed,
    remaining_credits = remaining_credits - consumed,
    updated_at = now()
FROM folded
WHERE folded.organization_id = c.organization_id AND consumed > 0;

-- Who never had an old pool gets one that holds what it consumed, and not a credit to spend.
INSERT INTO organization_credits (organization_id, total_credits, used_credits, remaining_credits)
SELECT organization_id, consumed, consumed, 0
FROM folded
WHERE NOT had_old_pool AND consumed > 0;

DELETE FROM credit_actions WHERE action_type = 'migration';

DROP FUNCTION IF EXISTS allocate_plan_credits(UUID, TEXT);
DROP INDEX IF EXISTS idx_credit_actions_one_migration;
ALTER TABLE organizations
    DROP COLUMN IF EXISTS ai_credits,
    DROP COLUMN IF EXISTS whatsapp_credits,
    DROP COLUMN IF EXISTS email_credits,
    DROP COLUMN IF EXISTS sms_credits,
    DROP COLUMN IF EXISTS ai_used_credits,
    DROP COLUMN IF EXISTS whatsapp_used_credits,
    DROP COLUMN IF EXISTS email_used_credits,
    DROP COLUMN IF EXISTS sms_used_credits,
    DROP COLUMN IF EXISTS credits_migrated_at,
    RESET (fillfactor);
DROP FUNCTION IF EXISTS plan_credits(TEXT, TEXT, INTEGER);

-- The rights as they were, but for what others granted or revoked since.
SELECT runbook.give_back_rights('Task 2');

-- What somebody must look at: old pools that are overdrawn now, or that were made to hold what was consumed.
SELECT folded.organization_id, o.name, folded.consumed, c.remaining_credits, had_old_pool
FROM folded
JOIN organizations AS o ON o.id = folded.organization_id
JOIN organization_credits AS c ON c.organization_id = folded.organization_id
WHERE NOT had_old_pool OR c.remaining_credits < 0
ORDER BY folded.consumed DESC;
