-- task: 3
-- check: everybody can do what is declared, and nothing else
-- trigger: Access control failures
-- reason: the function does not ask whose credits it spends
CREATE OR REPLACE FUNCTION consume_credits_rpc(p_organization_id UUID, p_action_type TEXT, p_credits INTEGER) RETURNS JSONB
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE public.organizations
    SET ai_used_credits = ai_used_credits + p_credits
    WHERE id = p_organization_id
    RETURNING jsonb_build_object('success', true)
$$;
