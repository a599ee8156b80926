-- no foreign key, and a balance and an action whose organization is gone
-- of: keys
-- expect: blocked
ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_organization_id_fkey;
ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey;
DELETE FROM organizations WHERE id = (SELECT organization_id FROM credit_actions ORDER BY organization_id LIMIT 1);
