-- action types are a domain over an enum
-- of: types
-- expect: blocked
-- cast: ::action_kinds
CREATE TYPE action_kinds AS ENUM ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send');
CREATE DOMAIN action_kind AS action_kinds;
ALTER TABLE credit_actions ALTER action_type TYPE action_kind USING action_type::action_kinds;
