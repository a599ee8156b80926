-- a total beyond the largest integer
-- of: counters
ALTER TABLE organizations ALTER total_credits TYPE bigint;
ALTER TABLE organization_credits ALTER total_credits TYPE bigint, ALTER used_credits TYPE bigint, ALTER remaining_credits TYPE bigint;
UPDATE organizations SET total_credits = 9000000000 WHERE name = 'Edge case: largest total';
UPDATE organization_credits AS c SET total_credits = 9000000000, remaining_credits = 9000000000 - used_credits FROM organizations AS o WHERE o.id = organization_id AND name = 'Edge case: largest total';
