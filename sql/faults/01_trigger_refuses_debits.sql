-- task: 1
-- check: no trigger refuses a debit that is made for a tenant
-- trigger: Current system not functioning properly
-- reason: a trigger lets signed-in users change nothing but names, even through the function that consumes for them
CREATE FUNCTION names_alone() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('role') IN ('authenticated', 'organization_user') AND to_jsonb(NEW) - 'name' <> to_jsonb(OLD) - 'name' THEN
        RAISE EXCEPTION 'only a name';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER names_alone BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION names_alone();
