-- task: 1
-- check: a persona that proves something was made of the policies
-- trigger: Data integrity problems found
-- reason: a policy asks for a secret that no token holds, so that whoever acts as a tenant sees nothing and proves nothing
ALTER POLICY "Members read their organization" ON organizations
USING (
    id = ((SELECT auth.jwt()) ->> 'organization_id')::UUID
    AND (SELECT current_setting('application.key', true)) = 'secret'
);
