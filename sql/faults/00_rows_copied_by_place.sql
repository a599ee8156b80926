-- task: 0
-- check: nothing refuses the statements of the migration
-- trigger: Technical environment issues
-- point: before the check
-- reason: a history of organizations takes whole rows, which have nine columns more once they are migrated
CREATE TABLE organizations_before (LIKE organizations);

CREATE FUNCTION keep_before() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO organizations_before SELECT OLD.*;
    RETURN NULL;
END
$$;

CREATE TRIGGER keep_before AFTER UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION keep_before();
