-- action types are an enum, without 'migration'
-- of: types
-- expect: acceptance
-- cast: ::action_type
CREATE TYPE action_type AS ENUM ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send');
ALTER TABLE credit_actions ALTER action_type TYPE action_type USING action_type::action_type;
