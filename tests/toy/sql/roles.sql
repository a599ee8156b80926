DO $$
BEGIN
    IF to_regrole('librarian') IS NULL THEN
        CREATE ROLE librarian LOGIN CREATEDB;
    END IF;
END
$$;
