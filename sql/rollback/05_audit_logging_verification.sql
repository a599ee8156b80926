-- Drops the function of Task 5 and gives the privileges on the audit trail back.
-- What was anonymized meanwhile stays so, and so do the rows that say it.

DROP FUNCTION IF EXISTS anonymize_credit_actions(UUID, UUID);

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
