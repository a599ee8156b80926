-- task: 3
-- check: tenant B sees itself and nobody else
-- trigger: Data leakage between organizations
-- reason: a policy shows one tenant the balance of one other
ALTER POLICY "Members read their credits" ON organization_credits
USING (
    organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::UUID
    OR (remaining_credits > 0 AND ((SELECT auth.jwt()) ->> 'organization_id')::UUID = NULLIF(current_setting('runbook.b', true), '')::UUID)
);
