-- extensions in public and beside it
-- of: around
-- as the superuser
DROP EXTENSION IF EXISTS pg_stat_statements;
CREATE EXTENSION pg_stat_statements SCHEMA public;
CREATE EXTENSION hstore SCHEMA public;
CREATE EXTENSION citext SCHEMA extensions;
