-- task: 5
-- check: a person is forgotten, and nobody else
-- trigger: GDPR compliance issues
-- point: before the check
-- reason: everybody's rows are anonymized, not those of one person
DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('anonymize_credit_actions(uuid, uuid)'::REGPROCEDURE),
        'OR user_id = p_user_id',
        'OR true'
    );
END
$do$;
