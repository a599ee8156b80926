-- action types are a domain over a domain that lists them, both with a constraint of one name
-- of: types
CREATE DOMAIN known_word AS text CONSTRAINT known CHECK (VALUE IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send'));
CREATE DOMAIN short_word AS known_word CONSTRAINT known CHECK (length(VALUE) < 17 AND VALUE <> 'anonymization');
ALTER TABLE credit_actions ALTER action_type TYPE short_word;
