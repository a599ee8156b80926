-- task: 3
-- check: every policy asks for the token, once per statement
-- trigger: RLS policies not protecting new columns
-- reason: a policy reads the token outside a sub-select, once for each row
ALTER POLICY "Members read their actions" ON credit_actions
USING (organization_id = (auth.jwt() ->> 'organization_id')::UUID);
