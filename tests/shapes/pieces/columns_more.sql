-- more columns than anybody needs, with names that want quotes
-- of: columns
-- expect: acceptance
ALTER TABLE organizations ADD "Owner Id" uuid DEFAULT gen_random_uuid(), ADD "select" text, ADD "naïve ""note""" jsonb NOT NULL DEFAULT '{}', ADD tags text[], ADD logo bytea;
ALTER TABLE organization_credits ADD currency char(3) NOT NULL DEFAULT 'EUR', ADD reset_at timestamptz;
ALTER TABLE credit_actions ADD metadata jsonb NOT NULL DEFAULT '{}', ADD "Trace" text;
COMMENT ON COLUMN organizations."Owner Id" IS 'who pays; "quoted" and ''quoted''';
ALTER TABLE organizations ADD layout json, ADD seat point; ALTER TABLE organization_credits ADD terms xml; ALTER TABLE credit_actions ADD raw json, ADD form xml, ADD spot point;
