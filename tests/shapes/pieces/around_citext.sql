-- plans and addresses are citext
-- of: around
-- not with: plans_enum, plans_domain, plans_varchar, around_publications
-- as the superuser
CREATE EXTENSION citext SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO PUBLIC;
-- as the owner
ALTER TABLE organizations ALTER plan_name TYPE extensions.citext, ALTER name TYPE extensions.citext;
