-- actions of every organization have no date, or one without an end
-- of: columns
-- not with: columns_never_empty, columns_no_stamps, columns_strict_trail, ids_none, ids_uuid, ids_with_time, ids_partitioned, ids_partitioned_by_type, ids_of_a_function, keys_once_a_moment, sizes_strange_times
ALTER TABLE credit_actions ALTER created_at DROP NOT NULL;
UPDATE credit_actions SET created_at = NULL WHERE id % 5 = 0;
UPDATE credit_actions SET created_at = 'infinity' WHERE id % 5 = 1;
UPDATE credit_actions SET created_at = '-infinity' WHERE id % 5 = 2;
