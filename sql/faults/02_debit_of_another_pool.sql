-- task: 2
-- check: each type debits its own pool by one, writes one row, and touches nothing else
-- trigger: Credit consumption not working for any type
-- point: before the check
-- reason: SMS are paid with WhatsApp credits
DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef('consume_credits_rpc(uuid, text, integer)'::REGPROCEDURE),
        'whatsapp_used_credits = whatsapp_used_credits + CASE p_action_type WHEN ''whatsapp_message''',
        'whatsapp_used_credits = whatsapp_used_credits + CASE p_action_type WHEN ''sms_send'''
    );
END
$do$;
