-- a tenant's role and a biller hold rights of their own, by table and by column
-- of: roles
-- as the superuser
CREATE ROLE "read-only" NOLOGIN;
CREATE ROLE billing LOGIN BYPASSRLS;
-- as the owner
GRANT ALL ON organizations, organization_credits, credit_actions TO organization_user;
GRANT SELECT ON organizations TO "read-only";
GRANT UPDATE (total_credits, plan_name), SELECT ON organizations TO billing WITH GRANT OPTION;
GRANT UPDATE, INSERT ON organization_credits TO billing;
