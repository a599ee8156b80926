-- the organization of a balance is not unique by any key, though no two stand there
-- of: keys
-- not with: columns_own_id_of_credits
ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_pkey;
CREATE INDEX ON organization_credits (organization_id);
