-- there is no pg_stat_statements
-- of: around
-- not with: around_extensions
-- as the superuser
DROP EXTENSION pg_stat_statements;
