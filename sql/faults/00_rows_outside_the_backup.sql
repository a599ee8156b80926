-- task: 0
-- check: the backup, restored, equals the tables
-- trigger: Safety requirements not met
-- point: after step 0.1
-- reason: some rows stand in a child table, which a dump of the table leaves out
CREATE SCHEMA partner;
CREATE TABLE partner.credit_actions () INHERITS (credit_actions);
INSERT INTO partner.credit_actions (id, organization_id, action_type, credits_consumed)
SELECT -1, id, 'ai_chat', 1 FROM organizations ORDER BY id LIMIT 1;
