-- task: 5
-- check: nobody is forgotten by mistake
-- trigger: GDPR compliance issues
-- point: before the check
-- reason: a call that names nobody anonymizes everybody
DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('anonymize_credit_actions(uuid, uuid)'::REGPROCEDURE),
        'IF p_organization_id IS NULL AND p_user_id IS NULL THEN',
        'IF false THEN'
    );
END
$do$;
