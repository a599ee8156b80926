-- a CHECK lists the action types, another refuses actions without credits
-- of: types
ALTER TABLE credit_actions ADD CONSTRAINT "Known actions" CHECK (action_type = ANY (ARRAY['ai_chat', 'whatsapp_message', 'email_send', 'sms_send']));
