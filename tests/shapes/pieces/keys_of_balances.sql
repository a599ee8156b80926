-- actions refer to the balance of their organization, and one has none
-- of: keys
-- expect: blocked
-- not with: columns_own_id_of_credits, sizes_one, sizes_two, sizes_none, sizes_no_balances
ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey, ADD FOREIGN KEY (organization_id) REFERENCES organization_credits ON DELETE CASCADE;
