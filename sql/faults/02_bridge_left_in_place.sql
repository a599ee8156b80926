-- task: 2
-- check: the bridge is gone and the function runs with a safe search path
-- trigger: Function deployment failures
-- point: before the check
-- reason: the function runs on its caller's search path
ALTER FUNCTION consume_credits_rpc(UUID, TEXT, INTEGER) RESET ALL;
