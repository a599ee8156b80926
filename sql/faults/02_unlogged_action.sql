-- task: 2
-- check: each type debits its own pool by one, writes one row, and touches nothing else
-- trigger: Credit consumption not working for any type
-- point: before the check
-- reason: consumption is debited but not logged
CREATE FUNCTION forget() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER forget BEFORE INSERT ON credit_actions
FOR EACH ROW WHEN (NEW.action_type = 'email_send') EXECUTE FUNCTION forget();
