-- task: 2
-- check: every batch leaves exactly the credits that are due
-- trigger: Data migration errors or inconsistencies
-- point: before the check
-- reason: a trigger somebody forgot takes a credit from one organization
CREATE FUNCTION runbook.take_one() RETURNS TRIGGER
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.ai_credits := NEW.ai_credits - 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER take_one
BEFORE UPDATE OF ai_credits ON organizations
FOR EACH ROW WHEN (NEW.id = md5('77')::UUID) EXECUTE FUNCTION runbook.take_one();
