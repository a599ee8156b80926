-- the brief's function, without what a shape may lack
-- of: function
-- arguments: p_organization_id, p_action_type, p_credits
CREATE OR REPLACE FUNCTION consume_credits_rpc(p_organization_id uuid, p_action_type text, p_credits integer) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE remaining numeric;
BEGIN
  IF @n@ IS NULL OR @n@ <= 0 THEN RAISE EXCEPTION 'Credits must be positive'; END IF;
  IF (@t@ IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send')) IS NOT TRUE THEN RAISE EXCEPTION 'Invalid action type'; END IF;
  @debit@
  INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) VALUES (@o@, @t@@cast@, @n@, 'Consumed');
  RETURN jsonb_build_object('success', true, 'remaining_credits', remaining, 'action_type', p_action_type, 'credits_consumed', p_credits);
END $$;
