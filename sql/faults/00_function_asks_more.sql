-- task: 0
-- check: the function that consumes credits asks and does nothing that would be lost
-- trigger: Safety requirements not met
-- point: before the check
-- reason: the function refuses organizations that are not active, and the brief's would serve them
CREATE OR REPLACE FUNCTION consume_credits_rpc(p_organization_id uuid, p_action_type text, p_credits integer)
RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF (SELECT status FROM organizations WHERE id = p_organization_id) <> 'active' THEN
        RAISE EXCEPTION 'Not active';
    END IF;
    UPDATE organization_credits
    SET used_credits = used_credits + p_credits, remaining_credits = remaining_credits - p_credits
    WHERE organization_id = p_organization_id;
    RETURN '{"success": true}';
END
$$;
