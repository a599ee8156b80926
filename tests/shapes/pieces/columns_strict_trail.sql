-- the trail demands who acted, in a column without a default, and takes short descriptions of known types alone
-- of: columns
-- not with: ids_partitioned, columns_more
-- expect: blocked
ALTER TABLE credit_actions ADD actor text;
UPDATE credit_actions SET actor = 'system';
ALTER TABLE credit_actions ALTER actor SET NOT NULL;
ALTER TABLE credit_actions ALTER description TYPE varchar(32) USING left(description, 32);
CREATE FUNCTION known_type() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$ BEGIN
  IF NEW.action_type NOT IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send') THEN RAISE EXCEPTION 'unknown action %', NEW.action_type; END IF; RETURN NEW; END $$;
CREATE TRIGGER known_type BEFORE INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION known_type();
