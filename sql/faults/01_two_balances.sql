-- task: 1
-- check: an organization has one row, and at most one balance
-- trigger: Data integrity problems found
-- reason: an organization has two balances, and nobody can say which one counts
ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_pkey;
INSERT INTO organization_credits SELECT * FROM organization_credits ORDER BY organization_id LIMIT 1;
