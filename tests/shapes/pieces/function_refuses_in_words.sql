-- the function refuses by an answer that says whom, how much there is and how much was asked for
-- of: function
-- not with: balance_booked_by_actions, balance_booked_by_statement, balance_booked_deferred
-- arguments: p_organization_id, p_action_type, p_credits
DROP FUNCTION consume_credits_rpc;
CREATE FUNCTION consume_credits_rpc(p_organization_id uuid, p_action_type text, p_credits integer) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE had numeric;
BEGIN
  IF @n@ IS NULL OR @n@ <= 0 OR (@t@ IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send')) IS NOT TRUE THEN RETURN jsonb_build_object('success', false, 'error', 'invalid'); END IF;
  SELECT c.remaining_credits INTO had FROM organization_credits AS c WHERE organization_id = @o@ FOR UPDATE;
  IF had IS NULL OR had < @n@ THEN RETURN jsonb_build_object('success', false, 'organization', @o@, 'left', had, 'error', format('%s of %s credits', had, @n@)); END IF;
  UPDATE organization_credits SET @set@ WHERE organization_id = @o@;
  INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) VALUES (@o@, @t@@cast@, @n@, 'Consumed');
  RETURN jsonb_build_object('success', true, 'left', had - @n@);
END $$;
