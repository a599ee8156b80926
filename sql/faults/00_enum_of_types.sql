-- task: 0
-- check: no enum of action types gains a value for good
-- trigger: Safety requirements not met
-- point: before the check
-- reason: the types are an enum, whose new values no rollback takes away
CREATE TYPE kind_of_action AS ENUM ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send');
ALTER TABLE credit_actions ALTER COLUMN action_type TYPE kind_of_action USING action_type::kind_of_action;
