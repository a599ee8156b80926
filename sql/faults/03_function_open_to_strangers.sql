-- task: 3
-- check: no function lends its owner's rights to strangers
-- trigger: Access control failures
-- reason: a stranger may hand out credits through a function with its owner's rights
GRANT EXECUTE ON FUNCTION allocate_plan_credits(UUID, TEXT) TO anon;
