-- task: 5
-- check: no sealed audit row was changed, is missing or was inserted
-- trigger: Audit trail corruption
-- point: before the check
-- reason: a credit moves from one audit row to another of the same organization and type
UPDATE credit_actions AS a
SET credits_consumed = credits_consumed + CASE a.id WHEN pair.first THEN 1 ELSE -1 END
FROM (
    SELECT MIN(id) AS first, MAX(id) AS last
    FROM credit_actions
    WHERE credits_consumed > 1
    GROUP BY organization_id, action_type
    HAVING COUNT(*) > 1
    ORDER BY organization_id
    LIMIT 1
) AS pair
WHERE a.id IN (pair.first, pair.last);
