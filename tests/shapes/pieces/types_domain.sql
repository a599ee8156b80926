-- action types are a domain with a list, without 'migration'
-- of: types
CREATE DOMAIN action_kind AS text CHECK (VALUE IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send'));
ALTER TABLE credit_actions ALTER action_type TYPE action_kind;
