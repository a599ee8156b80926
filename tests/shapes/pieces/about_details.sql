-- the function has a comment, costs, settings of its own and a strictness
-- of: about
-- not with: function_none
ALTER FUNCTION consume_credits_rpc COST 500;
ALTER FUNCTION consume_credits_rpc SET lock_timeout = '2s';
ALTER FUNCTION consume_credits_rpc SET search_path = public;
COMMENT ON FUNCTION consume_credits_rpc IS 'Debits. Ask ''billing'' first.';
