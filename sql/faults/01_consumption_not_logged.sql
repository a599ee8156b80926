-- task: 1
-- check: each action type is debited, to the credit and with its audit rows
-- trigger: Current system not functioning properly
-- reason: an SMS is debited but not logged
CREATE FUNCTION forget() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER forget BEFORE INSERT ON credit_actions
FOR EACH ROW WHEN (NEW.action_type = 'sms_send') EXECUTE FUNCTION forget();
