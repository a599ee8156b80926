-- task: 0
-- check: a function that consumes credits takes an organization, a type and an amount
-- trigger: Technical environment issues
-- point: before the check
-- reason: a second form of the function debits by itself; its callers would be refused once the first is replaced
CREATE FUNCTION consume_credits_rpc(p_organization_id uuid, p_action_type text, p_credits integer, p_reason text)
RETURNS jsonb LANGUAGE sql AS $$
    UPDATE organization_credits
    SET used_credits = used_credits + p_credits, remaining_credits = remaining_credits - p_credits
    WHERE organization_id = p_organization_id
    RETURNING '{"success": true}'::jsonb
$$;
