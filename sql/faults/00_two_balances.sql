-- task: 0
-- check: no organization has two balances
-- trigger: Safety requirements not met
-- point: before the check
-- reason: an organization has two balances, and nobody can say which one counts
ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_pkey;
INSERT INTO organization_credits SELECT * FROM organization_credits ORDER BY organization_id LIMIT 1;
