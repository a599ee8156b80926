-- task: 5
-- check: a consumption of each type writes exactly one row, of its type and amount
-- trigger: Logging failures or gaps
-- point: before the check
-- reason: the row of an e-mail is dropped on its way
CREATE FUNCTION swallow() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RETURN NULL;
END
$$;

CREATE TRIGGER swallow BEFORE INSERT ON credit_actions
FOR EACH ROW WHEN (NEW.action_type = 'email_send') EXECUTE FUNCTION swallow();
