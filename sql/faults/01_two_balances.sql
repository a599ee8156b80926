-- task: 1
-- check: an organization has one row, and at most one balance
-- trigger: Data integrity problems found
-- reason: nothing keeps an organization from having two balances
ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_pkey;
CREATE INDEX ON organization_credits (organization_id);
