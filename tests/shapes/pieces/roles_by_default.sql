-- roles with quotes in their names get everything by default; policies name one, one is above them
-- of: roles
-- as the superuser
CREATE ROLE "App User" LOGIN;
CREATE ROLE "crm ""svc""" NOLOGIN BYPASSRLS;
GRANT "App User", "crm ""svc""" TO guardian;
-- as the owner
GRANT USAGE ON SCHEMA public TO "App User", "crm ""svc""";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO "App User", "crm ""svc""";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO "App User", "crm ""svc""";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO "App User", "crm ""svc""";
GRANT ALL ON ALL TABLES IN SCHEMA public TO "App User", "crm ""svc""";
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO "App User", "crm ""svc""";
GRANT ALL ON ALL FUNCTIONS IN SCHEMA public TO "App User", "crm ""svc""";
CREATE POLICY "the app sees all" ON organizations TO "App User" USING (current_user = 'App User');
CREATE POLICY "the app sees all" ON organization_credits TO "App User" USING (current_user = 'App User');
CREATE POLICY "the app sees all" ON credit_actions TO "App User" USING (current_user = 'App User');
