-- Gives back what tenants could do beyond need: move the counter of the audit log's ids, and maintain the tables.

DO $$
DECLARE
    this RECORD;
BEGIN
    IF to_regclass('runbook.needless_privileges') IS NULL THEN
        RETURN;
    END IF;

    -- A grant goes to the end of the list: to stand in the old order, all of the sequence's are granted anew.
    FOR this IN
        SELECT DISTINCT relation, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::REGROLE::TEXT END AS grantee
        FROM runbook.needless_privileges
        WHERE relkind = 'S'
    LOOP
        EXECUTE format('REVOKE ALL ON SEQUENCE %s FROM %s', this.relation, this.grantee);
    END LOOP;

    FOR this IN
        SELECT
            privilege,
            CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
            relation,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::REGROLE::TEXT END AS grantee,
            CASE WHEN is_grantable THEN 'WITH GRANT OPTION' END AS grantable
        FROM runbook.needless_privileges
        ORDER BY relation, position
    LOOP
        EXECUTE format('GRANT %s ON %s %s TO %s %s', this.privilege, this.kind, this.relation, this.grantee, this.grantable);
    END LOOP;

    DROP TABLE runbook.needless_privileges;
END
$$;

SELECT relname AS relation, relacl AS privileges
FROM pg_class
WHERE oid IN (
    'organizations'::REGCLASS,
    'organization_credits'::REGCLASS,
    'credit_actions'::REGCLASS,
    pg_get_serial_sequence('credit_actions', 'id')::REGCLASS
)
ORDER BY relname;
