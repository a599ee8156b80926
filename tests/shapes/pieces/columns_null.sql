-- counters, statuses and names may be NULL, and some are
-- of: columns
-- not with: columns_balance_in_bounds, columns_balance_of_a_period, columns_strict_trail
ALTER TABLE organization_credits ALTER used_credits DROP NOT NULL, ALTER remaining_credits DROP NOT NULL, ALTER total_credits DROP NOT NULL;
ALTER TABLE organizations ALTER name DROP NOT NULL, ALTER status DROP NOT NULL;
UPDATE organizations SET status = NULL WHERE id IN (SELECT id FROM organizations ORDER BY id LIMIT 5);
UPDATE organizations SET name = NULL WHERE id IN (SELECT id FROM organizations WHERE name !~ 'Edge' ORDER BY id LIMIT 3);
UPDATE organization_credits c SET used_credits = NULL, remaining_credits = NULL, total_credits = NULL WHERE organization_id IN (SELECT o.id FROM organizations o WHERE NOT EXISTS (SELECT FROM credit_actions a WHERE a.organization_id = o.id) ORDER BY id LIMIT 4);
