-- a generated column of the trail knows the four types alone
-- of: columns
-- expect: blocked
-- not with: types_enum, types_domain_of_enum
ALTER TABLE credit_actions ADD channel text GENERATED ALWAYS AS (CASE action_type WHEN 'ai_chat' THEN 'ai' WHEN 'whatsapp_message' THEN 'messages' WHEN 'email_send' THEN 'mail' WHEN 'sms_send' THEN 'messages' END) STORED NOT NULL;
