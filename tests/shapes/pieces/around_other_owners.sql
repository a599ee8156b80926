-- others own objects beside the tables: a view on them, a table that refers to them
-- of: around
-- as the superuser
CREATE ROLE "Reports" NOLOGIN;
GRANT USAGE, CREATE ON SCHEMA public TO "Reports";
GRANT SELECT, REFERENCES ON organizations TO "Reports";
SET ROLE "Reports";
CREATE TABLE figures (organization_id uuid PRIMARY KEY REFERENCES organizations, n numeric);
CREATE VIEW plans_in_use AS SELECT plan_name, count(*) FROM organizations GROUP BY 1;
RESET ROLE;
ALTER TABLE figures ENABLE ROW LEVEL SECURITY;
