-- there is no function: an Edge Function debits
-- of: function
DROP FUNCTION consume_credits_rpc;
