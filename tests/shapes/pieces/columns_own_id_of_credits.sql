-- a balance has an id of its own, its organization is unique
-- of: columns
ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_pkey;
ALTER TABLE organization_credits ADD id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ADD UNIQUE (organization_id);
