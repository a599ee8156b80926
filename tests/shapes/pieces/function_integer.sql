-- the function returns what remains, as a number
-- of: function
-- arguments: org, kind, amount
DROP FUNCTION consume_credits_rpc;
CREATE FUNCTION consume_credits_rpc(org uuid, kind text, amount integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE remaining numeric;
BEGIN
  IF @n@ IS NULL OR @n@ <= 0 THEN RAISE EXCEPTION 'Credits must be positive'; END IF;
  IF (@t@ IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send')) IS NOT TRUE THEN RAISE EXCEPTION 'Invalid action type'; END IF;
  @debit@
  INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) VALUES (@o@, @t@@cast@, @n@, 'Consumed');
  RETURN remaining;
END $$;
