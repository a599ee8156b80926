-- task: 3
-- check: no function lends its owner's rights to strangers
-- trigger: Access control failures
-- reason: a new function keeps the default grants, which open it to everybody
CREATE FUNCTION forgive_usage(org_id UUID) RETURNS VOID
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ UPDATE public.organizations SET ai_used_credits = 0 WHERE id = org_id $$;
