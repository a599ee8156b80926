-- there is no schema for extensions, and everybody may create one
-- of: roles
-- not with: around_no_statistics, around_extensions, around_citext, around_temporal, around_foreign_table, triggers_by_path
-- as the superuser
DROP EXTENSION pg_stat_statements; DROP SCHEMA extensions;
DO $$ BEGIN
  EXECUTE format('GRANT CREATE ON DATABASE %I TO PUBLIC', current_database());
  EXECUTE format('ALTER ROLE guardian IN DATABASE %I RESET search_path', current_database());
END $$;
