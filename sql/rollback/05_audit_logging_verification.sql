-- Drops the functions and the seals of Task 5 and gives the privileges on the audit trail back.
-- What was anonymized or summarized meanwhile stays so, and so do the rows that say it.

DROP FUNCTION IF EXISTS anonymize_credit_actions(UUID, UUID);
DROP FUNCTION IF EXISTS summarize_credit_actions(TIMESTAMPTZ, UUID);
DROP FUNCTION IF EXISTS tampered_credit_actions();
DROP FUNCTION IF EXISTS seal_credit_actions();
DROP FUNCTION IF EXISTS add_credit_action_seal(BIGINT, BIGINT, BIGINT, NUMERIC, TEXT, BIGINT);
DROP FUNCTION IF EXISTS impossible_credit_actions();
DROP FUNCTION IF EXISTS sealed_credit_actions();
DROP FUNCTION IF EXISTS sealable_credit_actions(BIGINT, BIGINT);
DROP FUNCTION IF EXISTS digest_credit_actions(BIGINT, BIGINT);
DROP TABLE IF EXISTS credit_action_seals, credit_action_retentions;
DROP TRIGGER IF EXISTS impossible_credit_action ON credit_actions;
DROP FUNCTION IF EXISTS refuse_credit_action();

DO $$
DECLARE
    this RECORD;
BEGIN
    IF to_regclass('runbook.audit_privileges_before') IS NOT NULL THEN
        REVOKE INSERT ON credit_actions FROM service_role; -- what was granted by column goes too
        FOR this IN SELECT * FROM runbook.audit_privileges_before LOOP
            EXECUTE format('GRANT %s ON credit_actions TO %s', this.privilege_type, this.grantee);
        END LOOP;
        DROP TABLE runbook.audit_privileges_before;
    END IF;
END
$$;

-- PostgREST answers from what it knows of the schema: let it look again.
NOTIFY pgrst, 'reload schema';
