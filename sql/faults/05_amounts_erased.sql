-- task: 5
-- check: an organization is forgotten, and not a credit
-- trigger: GDPR compliance issues
-- point: before the check
-- reason: the amounts are erased with the persons
DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('anonymize_credit_actions(uuid, uuid)'::REGPROCEDURE),
        'ip_address = NULL,',
        'ip_address = NULL, credits_consumed = 0,'
    );
END
$do$;
