-- task: 3
-- check: tenant B sees itself and nobody else
-- trigger: Data leakage between organizations
-- reason: a policy shows one tenant the balance of one other
ALTER POLICY "Members read their credits" ON organization_credits
USING (
    organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::UUID
    OR ((SELECT auth.jwt()) ->> 'sub' = 'org-2-user' AND remaining_credits > 0)
);
