-- the function asks the plan and what was used today, keeps a sum for each day and a running balance, and tells who listens
-- of: function
-- not with: balance_booked_by_actions, balance_booked_by_statement, balance_booked_deferred
-- expect: acceptance
-- arguments: p_organization_id, p_action_type, p_credits
CREATE TABLE usage_daily (organization_id uuid REFERENCES organizations ON DELETE CASCADE, day date, credits numeric NOT NULL, PRIMARY KEY (organization_id, day));
ALTER TABLE usage_daily ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON usage_daily FROM anon, authenticated;
ALTER TABLE credit_actions ADD balance_after numeric;
CREATE OR REPLACE FUNCTION consume_credits_rpc(p_organization_id uuid, p_action_type text, p_credits integer) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE tier text; today numeric; remaining numeric;
BEGIN
  IF @n@ IS NULL OR @n@ <= 0 THEN RAISE EXCEPTION 'Credits must be positive'; END IF;
  IF (@t@ IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send')) IS NOT TRUE THEN RAISE EXCEPTION 'Invalid action type'; END IF;
  SELECT plan_name INTO tier FROM organizations WHERE id = @o@;
  SELECT coalesce(sum(credits_consumed), 0) INTO today FROM credit_actions WHERE organization_id = @o@ AND created_at >= current_date;
  IF tier = 'free' AND today + @n@ > 100000 THEN RAISE EXCEPTION 'Enough for today'; END IF;
  @debit@
  INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description, balance_after) VALUES (@o@, @t@@cast@, @n@, 'Consumed', remaining);
  INSERT INTO usage_daily VALUES (@o@, current_date, @n@) ON CONFLICT (organization_id, day) DO UPDATE SET credits = usage_daily.credits + excluded.credits;
  PERFORM pg_notify('credits', remaining::text);
  RETURN jsonb_build_object('success', true, 'remaining_credits', remaining);
END $$;
