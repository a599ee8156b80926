-- task: 3
-- check: no function lends its owner's rights to strangers
-- trigger: Access control failures
-- reason: an empty search path still finds the caller's temporary types first, and their checks run as the owner
ALTER FUNCTION consume_credits_rpc(UUID, TEXT, INTEGER) SET search_path = '';
