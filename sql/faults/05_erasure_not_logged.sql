-- task: 5
-- check: an organization is forgotten, and not a credit
-- trigger: GDPR compliance issues
-- point: before the check
-- reason: what was anonymized is not logged
DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('anonymize_credit_actions(uuid, uuid)'::REGPROCEDURE),
        'FROM counted
    )',
        'FROM counted WHERE false
    )'
    );
END
$do$;
