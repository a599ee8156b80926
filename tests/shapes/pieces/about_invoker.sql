-- the function runs with its caller's rights, which policies guard
-- of: about
-- not with: function_none
ALTER FUNCTION consume_credits_rpc SECURITY INVOKER;
CREATE POLICY "Members spend" ON organization_credits FOR UPDATE TO authenticated USING (organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::uuid);
CREATE POLICY "Members act" ON credit_actions FOR INSERT TO authenticated WITH CHECK (organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::uuid);
