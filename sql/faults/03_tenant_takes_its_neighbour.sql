-- task: 3
-- check: tenant B sees itself and nobody else
-- trigger: Data leakage between organizations
-- reason: a policy asks for the token, once per statement, and shows one tenant everybody's balance all the same
DO $$
BEGIN
    EXECUTE format(
        $sql$
            ALTER POLICY "Members read their credits" ON organization_credits
            USING (
                organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::UUID
                OR (SELECT auth.jwt()) ->> 'organization_id' = %L
            )
        $sql$,
        (
            SELECT o.id
            FROM organizations AS o
            JOIN organization_credits AS c ON c.organization_id = o.id
            WHERE LEAST(ai_credits - ai_used_credits, whatsapp_credits - whatsapp_used_credits,
                        email_credits - email_used_credits, sms_credits - sms_used_credits) BETWEEN 1 AND 1000000
            ORDER BY o.id
            OFFSET 1 LIMIT 1
        )
    );
END
$$;
