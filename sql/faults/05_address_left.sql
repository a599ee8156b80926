-- task: 5
-- check: an organization is forgotten, and not a credit
-- trigger: GDPR compliance issues
-- point: before the check
-- reason: the addresses stay
DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('anonymize_credit_actions(uuid, uuid)'::REGPROCEDURE),
        'ip_address = NULL,',
        ''
    );
END
$do$;
