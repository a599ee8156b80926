-- actions stay behind without their organization when it goes
-- of: keys
-- not with: columns_somebody_acts, columns_strict_trail
ALTER TABLE credit_actions ALTER organization_id DROP NOT NULL, DROP CONSTRAINT credit_actions_organization_id_fkey, ADD FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE SET NULL;
INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) VALUES (NULL, 'ai_chat', 3, 'of one who left');
