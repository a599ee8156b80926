-- some organizations have two balances
-- of: keys
-- not with: columns_own_id_of_credits
-- expect: blocked
ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_pkey;
INSERT INTO organization_credits SELECT * FROM organization_credits ORDER BY organization_id LIMIT 3;
