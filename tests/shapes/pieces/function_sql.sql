-- the function is one SQL statement that takes what is there
-- of: function
-- not with: balance_booked_by_actions, balance_booked_by_statement, balance_booked_deferred
-- arguments: $1, $2, $3
DROP FUNCTION consume_credits_rpc;
CREATE FUNCTION consume_credits_rpc(p_organization_id uuid, p_action_type text, p_credits integer) RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH debited AS (
    UPDATE organization_credits SET @assignments@
    WHERE organization_id = $1 AND remaining_credits >= $3 AND $3 > 0 AND $2 IN ('ai_chat', 'whatsapp_message', 'email_send', 'sms_send') RETURNING organization_id
  ), logged AS (
    INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) SELECT organization_id, $2@cast@, $3, 'Consumed' FROM debited RETURNING 1
  )
  SELECT count(*) = 1 FROM logged
$$;
