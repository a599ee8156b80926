-- action types stand in a table of their own, which actions refer to
-- of: types
CREATE TABLE action_types (name text PRIMARY KEY, label text);
ALTER TABLE action_types ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON action_types FROM anon, authenticated;
INSERT INTO action_types SELECT DISTINCT action_type FROM credit_actions UNION VALUES ('ai_chat'), ('whatsapp_message'), ('email_send'), ('sms_send');
ALTER TABLE credit_actions ADD FOREIGN KEY (action_type) REFERENCES action_types;
