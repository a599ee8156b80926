-- the key of organizations is deferrable
-- of: keys
-- not with: tenancy_members, tenancy_function, around_views, around_crm, around_other_owners
ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_organization_id_fkey;
ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey;
ALTER TABLE organizations DROP CONSTRAINT organizations_pkey;
ALTER TABLE organizations ADD PRIMARY KEY (id) DEFERRABLE;
