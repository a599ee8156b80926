-- task: 5
-- check: a consumption of each type writes exactly one row, of its type and amount
-- trigger: Logging failures or gaps
-- point: before the check
-- reason: the row of a text message is written twice
CREATE FUNCTION repeat_row() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description)
    VALUES (NEW.organization_id, NEW.action_type, NEW.credits_consumed, NEW.description);
    RETURN NULL;
END
$$;

CREATE TRIGGER repeat_row AFTER INSERT ON credit_actions
FOR EACH ROW WHEN (NEW.action_type = 'sms_send' AND pg_trigger_depth() = 0) EXECUTE FUNCTION repeat_row();
