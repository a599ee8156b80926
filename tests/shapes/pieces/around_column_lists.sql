-- tables are published by column lists and row filters, one with all columns; column privileges alone
-- of: around
-- not with: ids_none, ids_partitioned, ids_partitioned_by_type, ids_with_time, around_publications, around_replica_identities, keys_deferrable_primary, types_enum, plans_enum, around_citext, around_collations, around_storage, columns_more
CREATE PUBLICATION warehouse FOR TABLE organizations (id, name, plan_name, total_credits) WHERE (id IS NOT NULL), credit_actions (id, organization_id, action_type, credits_consumed, created_at) WITH (publish = 'insert, update');
CREATE STATISTICS org_stats (ndistinct, mcv) ON plan_name, status FROM organizations;
CREATE STATISTICS action_stats ON (date_trunc('day', created_at AT TIME ZONE 'UTC')), action_type FROM credit_actions;
ALTER TABLE organizations SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, toast_tuple_target = 256, parallel_workers = 2);
ALTER TABLE organizations ALTER name SET STORAGE EXTERNAL, ALTER name SET STATISTICS 500, ALTER name SET COMPRESSION pglz;
ALTER INDEX organizations_pkey SET (fillfactor = 80);
CREATE INDEX ON credit_actions USING brin (created_at); CREATE INDEX ON organizations USING hash (plan_name); CREATE INDEX ON organizations (name text_pattern_ops) INCLUDE (status) WHERE status = 'active';
CLUSTER credit_actions USING idx_credit_actions_organization_created;
CREATE UNLOGGED TABLE rate_limits (organization_id uuid PRIMARY KEY, hits integer); REVOKE ALL ON rate_limits FROM anon, authenticated; ALTER TABLE rate_limits ENABLE ROW LEVEL SECURITY;
SELECT lo_from_bytea(0, 'logo'); 
