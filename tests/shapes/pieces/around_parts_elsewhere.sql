-- old actions stand in tables that inherit the trail, in a schema of their own
-- of: around
-- not with: ids_partitioned, ids_partitioned_by_type, ids_uuid, ids_none, types_positive, types_domain_of_costs, columns_strict_trail, columns_never_empty, columns_more, columns_somebody_acts, settings_statements_refused
CREATE SCHEMA archive;
CREATE TABLE archive.credit_actions_2024 (CHECK (created_at < '2025-01-01')) INHERITS (public.credit_actions);
CREATE TABLE archive."Actions 2023" (imported_from text) INHERITS (public.credit_actions);
ALTER TABLE archive.credit_actions_2024 ENABLE ROW LEVEL SECURITY;
ALTER TABLE archive."Actions 2023" ENABLE ROW LEVEL SECURITY;
INSERT INTO archive.credit_actions_2024 (id, organization_id, action_type, credits_consumed, created_at) SELECT -row_number() OVER (ORDER BY id), id, 'ai_chat', 0, '2024-05-01' FROM organizations ORDER BY id LIMIT 20;
INSERT INTO archive."Actions 2023" (id, organization_id, action_type, credits_consumed, created_at, imported_from) SELECT -100 - row_number() OVER (ORDER BY id), id, 'sms_send', 0, '2023-05-01', 'old' FROM organizations ORDER BY id LIMIT 20;
