-- a foreign table and a server beside the tables
-- of: around
-- as the superuser
CREATE EXTENSION postgres_fdw SCHEMA extensions;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'localhost', dbname 'none');
CREATE FOREIGN TABLE public.contacts (id integer, email text) SERVER elsewhere;
ALTER FOREIGN TABLE public.contacts OWNER TO guardian;
REVOKE ALL ON public.contacts FROM anon, authenticated;
