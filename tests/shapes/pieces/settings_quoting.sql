-- identifiers are always quoted, text is LATIN1, times are Kathmandu's
-- of: settings
-- as the superuser
ALTER ROLE guardian SET quote_all_identifiers = on;
ALTER ROLE guardian SET timezone = 'Asia/Kathmandu';
ALTER ROLE guardian SET intervalstyle = 'sql_standard';
ALTER ROLE guardian SET extra_float_digits = 0;
ALTER ROLE guardian SET bytea_output = 'escape';
ALTER ROLE guardian SET default_tablespace = '';
ALTER ROLE guardian SET session_replication_role = 'origin';
