-- a CHECK that old rows break, of a name without meaning
-- of: types
ALTER TABLE credit_actions ADD CHECK (action_type IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send') AND length(description) < 500) NOT VALID;
