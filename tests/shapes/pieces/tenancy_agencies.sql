-- agencies see the organizations they look after, by a column of organizations
-- of: tenancy
ALTER TABLE organizations ADD agency_id uuid REFERENCES organizations;
UPDATE organizations SET agency_id = (SELECT id FROM organizations WHERE name !~ 'Edge' ORDER BY id LIMIT 1) WHERE id IN (SELECT id FROM organizations WHERE name !~ 'Edge' ORDER BY id OFFSET 1 LIMIT 12);
ALTER POLICY "Members read their organization" ON organizations USING (((SELECT auth.jwt()) ->> 'organization_id')::uuid IN (id, agency_id));
