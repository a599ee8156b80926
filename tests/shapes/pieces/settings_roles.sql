-- the platform sets much for its roles and the database
-- of: settings
-- as the superuser
ALTER ROLE authenticated SET statement_timeout = '8s';
ALTER ROLE anon SET statement_timeout = '3s';
ALTER ROLE guardian SET statement_timeout = '20ms';
ALTER ROLE guardian SET row_security = off;
ALTER ROLE guardian SET datestyle = 'SQL, DMY';
ALTER ROLE guardian SET default_transaction_isolation = 'serializable';
ALTER ROLE guardian SET search_path = extensions;
