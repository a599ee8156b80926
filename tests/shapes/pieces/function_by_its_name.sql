-- arguments are called as columns, told apart by the name of the function, and one has every sign
-- of: function
-- not with: about_overloads, about_callers, about_two_forms, around_api_views, around_odd_names, schema_of_a_visitor, columns_named_alike
-- arguments: consume_credits_rpc.organization_id, "type 100% :x $1 {y} ""q"" é", amount
DROP FUNCTION consume_credits_rpc;
CREATE FUNCTION consume_credits_rpc(organization_id uuid, "type 100% :x $1 {y} ""q"" é" text, amount integer) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE remaining numeric;
BEGIN
  IF @n@ IS NULL OR @n@ <= 0 THEN RAISE EXCEPTION 'Credits must be positive'; END IF;
  IF (@t@ IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send')) IS NOT TRUE THEN RAISE EXCEPTION 'Invalid action type'; END IF;
  @debit@
  INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) VALUES (@o@, @t@@cast@, @n@, 'Consumed');
  RETURN jsonb_build_object('success', true, 'remaining_credits', remaining, 'credits_consumed', amount);
END $$;
