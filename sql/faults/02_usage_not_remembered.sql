-- task: 2
-- check: every batch leaves exactly the credits that are due
-- trigger: Data migration errors or inconsistencies
-- point: before the check
-- reason: what an organization had used is not remembered, so no rollback could give it

CREATE FUNCTION runbook.forget_one() RETURNS TRIGGER
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.organization_id = md5('77')::UUID THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER forget_one BEFORE INSERT ON runbook.used_before
FOR EACH ROW EXECUTE FUNCTION runbook.forget_one();
