-- one who may pass a right on has passed it on
-- of: roles
GRANT SELECT, UPDATE ON organizations TO service_role WITH GRANT OPTION;
SET ROLE service_role;
GRANT UPDATE ON organizations TO organization_user;
GRANT SELECT (name) ON organizations TO anon;
RESET ROLE;
