-- Gives back the indexes of Task 2 that the evidence had spoken against; its own view and indexes are dropped after it.

-- %%concurrently
-- Nobody waits while they are built. Where Task 2 has been reversed too, there is nothing left to index.
-- unless: SELECT to_regproc('plan_credits') IS NULL
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_organizations_ai_credits
ON organizations(ai_credits, ai_used_credits);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_organizations_whatsapp_credits
ON organizations(whatsapp_credits, whatsapp_used_credits);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_organizations_email_credits
ON organizations(email_credits, email_used_credits);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_organizations_sms_credits
ON organizations(sms_credits, sms_used_credits);

-- %%sql --retry --drop-made
-- PostgREST answers from what it knows of the schema: let it look again.
NOTIFY pgrst, 'reload schema';
