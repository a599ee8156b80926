-- an index was left invalid, statistics are kept on two columns, the key of organizations is a pair
-- of: keys
-- not with: around, tenancy, triggers, roles, ids, schema, columns
ALTER TABLE organizations ADD region text NOT NULL DEFAULT 'eu';
ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_organization_id_fkey; ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey;
ALTER TABLE organizations DROP CONSTRAINT organizations_pkey, ADD PRIMARY KEY (region, id), ADD UNIQUE (id);
ALTER TABLE organization_credits ADD FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE; ALTER TABLE credit_actions ADD FOREIGN KEY (organization_id) REFERENCES organizations (id);
CREATE INDEX left_over ON organizations (lower(name)); CREATE STATISTICS of_plans (dependencies, mcv) ON plan_name, status FROM organizations;
CREATE INDEX ON credit_actions USING brin (created_at); CREATE INDEX ON credit_actions USING hash (action_type);
-- as the superuser
UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'public.left_over'::regclass;
