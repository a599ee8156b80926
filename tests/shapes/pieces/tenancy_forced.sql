-- row level security is forced on the owner too, who stands above it
-- of: tenancy
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
ALTER TABLE organization_credits FORCE ROW LEVEL SECURITY;
ALTER TABLE credit_actions FORCE ROW LEVEL SECURITY;
