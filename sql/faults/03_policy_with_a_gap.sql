-- task: 3
-- check: tenant A sees itself and nobody else
-- trigger: Data leakage between organizations
-- reason: a policy asks for the token, and shows inactive organizations to everybody all the same
ALTER POLICY "Members read their organization" ON organizations
USING (id = ((SELECT auth.jwt()) ->> 'organization_id')::UUID OR status = 'inactive');
