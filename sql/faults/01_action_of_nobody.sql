-- task: 1
-- check: no balance and no action is without its organization
-- trigger: Data integrity problems found
-- reason: an action belongs to an organization that was deleted
ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey;
INSERT INTO credit_actions (organization_id, action_type, credits_consumed) VALUES (md5('nobody')::UUID, 'ai_chat', 1);
