-- a claim of an enum names a role, a table says what a role may do, and staff of a first role see all
-- of: tenancy
CREATE TYPE app_role AS ENUM ('staff', 'admin', 'viewer');
CREATE TABLE role_permissions (role app_role, permission text, PRIMARY KEY (role, permission));
INSERT INTO role_permissions SELECT role, permission FROM unnest(enum_range('admin'::app_role, NULL)) AS role, unnest('{read,update}'::text[]) AS permission WHERE role = 'admin' OR permission = 'read';
ALTER TABLE role_permissions ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON role_permissions FROM anon, authenticated;
CREATE FUNCTION authorize(requested text) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE user_role public.app_role; BEGIN
  SELECT (auth.jwt() ->> 'user_role')::public.app_role INTO user_role;
  RETURN EXISTS (SELECT FROM public.role_permissions WHERE role = user_role AND permission = requested); END $$;
CREATE FUNCTION current_org_id() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT nullif(auth.jwt() -> 'app_metadata' ->> 'org_id', '')::uuid $$;
ALTER POLICY "Members read their organization" ON organizations USING ((id = (SELECT current_org_id()) AND (SELECT authorize('read'))) OR (SELECT auth.jwt() ->> 'user_role')::app_role = 'staff');
ALTER POLICY "Members update their organization" ON organizations USING (id = (SELECT current_org_id()) AND (SELECT authorize('update')));
ALTER POLICY "Members read their credits" ON organization_credits USING (organization_id = (SELECT current_org_id()) AND (SELECT authorize('read')));
ALTER POLICY "Members read their actions" ON credit_actions USING (organization_id = (SELECT current_org_id()) AND (SELECT authorize('read')));
