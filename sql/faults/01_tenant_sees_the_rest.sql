-- task: 1
-- check: tenant A sees itself and nobody else
-- trigger: Data integrity problems found
-- reason: a policy showed one tenant everybody's balance long before the migration
ALTER POLICY "Members read their credits" ON organization_credits
USING (
    organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::UUID
    OR ((SELECT auth.jwt()) ->> 'organization_id')::UUID = NULLIF(current_setting('runbook.a', true), '')::UUID
);
