-- times without an end, before Christ and far ahead
-- of: sizes
-- not with: columns_never_empty, columns_no_stamps, ids_none, ids_uuid, ids_partitioned, ids_partitioned_by_type, ids_of_a_function, keys_once_a_moment
UPDATE credit_actions SET created_at = 'infinity' WHERE id = (SELECT min(id) FROM credit_actions);
UPDATE credit_actions SET created_at = '-infinity' WHERE id = (SELECT min(id) + 1 FROM credit_actions);
UPDATE credit_actions SET created_at = '0044-03-15 BC' WHERE id = (SELECT min(id) + 2 FROM credit_actions);
UPDATE credit_actions SET created_at = '20000-01-01' WHERE id = (SELECT min(id) + 3 FROM credit_actions);
UPDATE organizations SET created_at = '-infinity', updated_at = 'infinity' WHERE name ~ 'inactive';
UPDATE organization_credits SET updated_at = '10001-01-01' WHERE organization_id = (SELECT id FROM organizations WHERE name ~ 'inactive');
