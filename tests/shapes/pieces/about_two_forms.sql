-- two forms of the function, each debits by itself, and one under another name
-- of: about
-- expect: blocked
-- not with: balance_generated, counters_bigint, counters_numeric, counters_beyond_integer, types_enum, types_domain_of_enum, function_none, function_more_arguments, about_overloads
CREATE FUNCTION consume_credits_rpc(p_organization_id uuid, p_action_type text, p_credits integer, p_metadata jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ DECLARE remaining integer; BEGIN IF p_credits IS NULL OR p_credits <= 0 THEN RAISE EXCEPTION 'positive, please'; END IF;
 UPDATE organization_credits SET used_credits = used_credits + p_credits, remaining_credits = remaining_credits - p_credits WHERE organization_id = p_organization_id AND remaining_credits >= p_credits RETURNING remaining_credits INTO remaining; IF NOT FOUND THEN RAISE EXCEPTION 'Insufficient'; END IF;
 INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) VALUES (p_organization_id, p_action_type, p_credits, p_metadata::text); RETURN jsonb_build_object('success', true, 'remaining_credits', remaining); END $$;
REVOKE ALL ON FUNCTION consume_credits_rpc(uuid, text, integer, jsonb) FROM PUBLIC, anon, authenticated; 
CREATE FUNCTION deduct_credits(org uuid, n integer) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$ UPDATE organization_credits SET used_credits = used_credits + n, remaining_credits = remaining_credits - n WHERE organization_id = org $$;
REVOKE ALL ON FUNCTION deduct_credits(uuid, integer) FROM PUBLIC, anon, authenticated;
