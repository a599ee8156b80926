-- actions are partitioned by their type, and no partition takes another
-- of: ids
-- expect: blocked
-- not with: types_check, types_check_not_valid, types_domain, types_enum, types_positive, types_table, types_domain_of_domains, types_domain_of_enum, types_domain_of_costs, columns_never_empty, columns_strict_trail, tenancy_self_service, triggers_transition_tables, roles_none_of_the_api, around_parts_elsewhere
ALTER TABLE credit_actions RENAME TO old_actions;
ALTER TABLE old_actions RENAME CONSTRAINT credit_actions_pkey TO old_actions_pkey;
ALTER TABLE old_actions RENAME CONSTRAINT credit_actions_organization_id_fkey TO old_actions_fkey;
ALTER INDEX idx_credit_actions_organization_created RENAME TO idx_old_actions;
ALTER TABLE old_actions ALTER id DROP IDENTITY;
CREATE SEQUENCE credit_actions_id_seq;
CREATE TABLE credit_actions (LIKE old_actions INCLUDING DEFAULTS, PRIMARY KEY (id, action_type), FOREIGN KEY (organization_id) REFERENCES organizations) PARTITION BY LIST (action_type);
ALTER TABLE credit_actions ALTER id SET DEFAULT nextval('credit_actions_id_seq');
CREATE TABLE credit_actions_messages PARTITION OF credit_actions FOR VALUES IN ('whatsapp_message', 'email_send', 'sms_send');
CREATE TABLE credit_actions_ai PARTITION OF credit_actions FOR VALUES IN ('ai_chat');
CREATE INDEX idx_credit_actions_organization_created ON credit_actions (organization_id, created_at);
INSERT INTO credit_actions SELECT * FROM old_actions;
SELECT setval('credit_actions_id_seq', (SELECT max(id) FROM credit_actions));
DROP TABLE old_actions;
ALTER TABLE credit_actions ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_actions_messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_actions_ai ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Members read their actions" ON credit_actions FOR SELECT TO authenticated USING (organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::uuid);
