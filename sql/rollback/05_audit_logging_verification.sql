-- Gives the privileges on the audit trail back; the functions and the seals are dropped after it.
-- What was anonymized or summarized meanwhile stays so, and so do the rows that say it.

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
