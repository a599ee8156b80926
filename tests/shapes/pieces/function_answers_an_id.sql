-- the function answers the number of the action it wrote
-- of: function
-- expect: blocked
-- not with: ids, about
-- arguments: p_organization_id, p_action_type, p_credits
DROP FUNCTION consume_credits_rpc;
CREATE FUNCTION consume_credits_rpc(p_organization_id uuid, p_action_type text, p_credits integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE remaining numeric; made bigint;
BEGIN
  IF @n@ IS NULL OR @n@ <= 0 THEN RAISE EXCEPTION 'Credits must be positive'; END IF;
  IF (@t@ IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send')) IS NOT TRUE THEN RAISE EXCEPTION 'Invalid action type'; END IF;
  @debit@
  INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) VALUES (@o@, @t@@cast@, @n@, 'Consumed') RETURNING id INTO made;
  RETURN made;
END $$;
