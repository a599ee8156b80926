-- the function answers a type of the application's own
-- of: function
-- not with: about_callers, about_overloads
-- arguments: p_organization_id, p_action_type, p_credits
DROP FUNCTION consume_credits_rpc;
CREATE TYPE verdict AS ENUM ('done', 'refused');
CREATE TYPE debit AS (done boolean, remaining_credits numeric, verdict verdict);
CREATE FUNCTION consume_credits_rpc(p_organization_id uuid, p_action_type varchar, p_credits integer) RETURNS debit LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE remaining numeric;
BEGIN
  IF @n@ IS NULL OR @n@ <= 0 THEN RAISE EXCEPTION 'Credits must be positive'; END IF;
  IF (@t@ IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send')) IS NOT TRUE THEN RAISE EXCEPTION 'Invalid action type'; END IF;
  @debit@
  INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) VALUES (@o@, @t@@cast@, @n@, 'Consumed');
  RETURN ROW(true, remaining, 'done')::debit;
END $$;
