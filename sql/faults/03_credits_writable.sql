-- task: 3
-- check: no tenant can write a credit column
-- trigger: RLS policies not protecting new columns
-- reason: tenants may write their own AI credits
GRANT UPDATE (ai_credits) ON organizations TO authenticated;
