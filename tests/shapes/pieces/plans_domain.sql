-- plans are a domain with a list, and never missing
-- of: plans
UPDATE organizations SET plan_name = 'starter' WHERE plan_name IS NULL OR plan_name IN ('', 'PREMIUM', 'Enterprise', 'legacy-2019');
CREATE DOMAIN plan AS text NOT NULL CHECK (VALUE IN ('free', 'starter', 'professional', 'premium', 'enterprise'));
ALTER TABLE organizations ALTER plan_name TYPE plan;
