-- task: 3
-- check: under RLS a request takes at most a fifth longer
-- trigger: Significant performance degradation (>20%)
-- reason: a policy counts for a millisecond before it answers
ALTER POLICY "Members read their organization" ON organizations
USING (
    id = ((SELECT auth.jwt()) ->> 'organization_id')::UUID
    AND (SELECT count(random()) FROM generate_series(1, 10000)) > 0
);
