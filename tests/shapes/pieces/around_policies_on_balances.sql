-- policies of other tables ask what an organization has left
-- of: around
-- not with: tenancy_none, tenancy_setting, tenancy_role_of_its_own, roles_none_of_the_api
CREATE TABLE campaigns (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE, title text);
ALTER TABLE campaigns ENABLE ROW LEVEL SECURITY;
CREATE POLICY "who can pay" ON campaigns FOR ALL TO authenticated USING (organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::uuid) WITH CHECK (organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::uuid AND EXISTS (SELECT FROM organization_credits AS c WHERE c.organization_id = campaigns.organization_id AND c.remaining_credits > 0));
CREATE FUNCTION archive_organization(org uuid) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$ BEGIN INSERT INTO organizations_archive SELECT id, name FROM organizations WHERE id = org; END $$;
CREATE TABLE organizations_archive (id uuid, name text); ALTER TABLE organizations_archive ENABLE ROW LEVEL SECURITY;
