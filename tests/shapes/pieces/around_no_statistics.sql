-- there is no pg_stat_statements
-- of: around
-- as the superuser
DROP EXTENSION pg_stat_statements;
