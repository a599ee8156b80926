DO $$
BEGIN
    IF to_regrole('owner_of_split_names') IS NULL THEN
        CREATE ROLE owner_of_split_names LOGIN CREATEDB;
    END IF;
END
$$;
