-- the database itself sets limits and times
-- of: settings
-- as the superuser
DO $$ BEGIN
  EXECUTE format('ALTER DATABASE %I SET statement_timeout = ''30s''', current_database());
  EXECUTE format('ALTER DATABASE %I SET timezone = ''America/St_Johns''', current_database());
  EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''', current_database());
  EXECUTE format('ALTER DATABASE %I SET check_function_bodies = off', current_database());
  EXECUTE format('ALTER DATABASE %I SET idle_session_timeout = ''1s''', current_database());
END $$;
