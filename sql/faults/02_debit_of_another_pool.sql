-- task: 2
-- check: each type debits its own pool by one, writes one row, and touches nothing else
-- trigger: Credit consumption not working for any type
-- point: before the check
-- reason: SMS are paid with WhatsApp credits
DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('consume_credits_rpc(uuid, text, integer)'::REGPROCEDURE),
        'SET sms_used_credits = sms_used_credits + p_credits',
        'SET whatsapp_used_credits = whatsapp_used_credits + p_credits'
    );
END
$do$;
