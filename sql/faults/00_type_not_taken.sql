-- task: 0
-- check: a row of each type the runbook writes is taken by the trail
-- trigger: Technical environment issues
-- point: before the check
-- reason: a trigger knows four types and refuses any other, and so the audit row of a migration
CREATE FUNCTION refuse_others() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.action_type NOT IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send') THEN
        RAISE EXCEPTION 'unknown action';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER refuse_others BEFORE INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION refuse_others();
