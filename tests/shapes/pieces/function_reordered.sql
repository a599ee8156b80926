-- the arguments of the function stand in another order, each with a default, and it answers under names of its own
-- of: function
-- not with: about_callers, about_overloads
-- arguments: org::uuid, kind, amount
DROP FUNCTION consume_credits_rpc;
CREATE FUNCTION consume_credits_rpc(amount integer DEFAULT 1, kind text DEFAULT 'ai_chat', org text DEFAULT NULL, meta jsonb DEFAULT '{}') RETURNS TABLE (ok boolean, balance_left numeric, note text) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE remaining numeric;
BEGIN
  IF @n@ IS NULL OR @n@ <= 0 THEN RAISE EXCEPTION 'Credits must be positive'; END IF;
  IF (@t@ IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send')) IS NOT TRUE THEN RAISE EXCEPTION 'Invalid action type'; END IF;
  @debit@
  INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) VALUES (@o@, @t@@cast@, @n@, meta ->> 'note');
  RETURN QUERY SELECT true, remaining, 'done'::text;
END $$;
