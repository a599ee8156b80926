-- no foreign key at all
-- of: keys
ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_organization_id_fkey;
ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey;
