-- roles in roles, with and without inheritance
-- of: roles
-- as the superuser
CREATE ROLE "Support Team" NOLOGIN NOINHERIT;
CREATE ROLE ann LOGIN IN ROLE "Support Team";
GRANT service_role TO "Support Team";
GRANT authenticated TO anon;
