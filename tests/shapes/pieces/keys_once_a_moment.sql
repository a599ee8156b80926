-- no two actions of one type and organization at one moment
-- of: keys
-- not with: ids_none, ids_partitioned, ids_partitioned_by_type, sizes_pruned, sizes_unused
DELETE FROM credit_actions a USING credit_actions b WHERE a.id > b.id AND (a.organization_id, a.action_type, a.created_at) = (b.organization_id, b.action_type, b.created_at);
CREATE UNIQUE INDEX one_a_moment ON credit_actions (organization_id, action_type, created_at);
