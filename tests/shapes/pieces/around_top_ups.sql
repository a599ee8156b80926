-- the application tops balances up, resets them and deletes organizations, by functions of its own
-- of: around
CREATE FUNCTION top_up(p_org uuid, p_credits integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  UPDATE organization_credits SET total_credits = total_credits + p_credits, remaining_credits = remaining_credits + p_credits WHERE organization_id = p_org;
  UPDATE organizations SET total_credits = total_credits + p_credits WHERE id = p_org; END $$;
CREATE FUNCTION monthly_reset() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$ UPDATE organization_credits SET used_credits = 0, remaining_credits = total_credits $$;
REVOKE ALL ON FUNCTION top_up(uuid, integer), monthly_reset() FROM PUBLIC, anon, authenticated;
