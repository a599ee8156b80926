-- task: 0
-- check: the role has what the migration needs, and no more
-- trigger: Safety requirements not met
-- point: before the check
-- reason: the function the migration replaces is not there
DROP FUNCTION consume_credits_rpc(UUID, TEXT, INTEGER);
