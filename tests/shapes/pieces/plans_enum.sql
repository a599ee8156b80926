-- plans are an enum
-- of: plans
UPDATE organizations SET plan_name = 'starter' WHERE plan_name IN ('', 'PREMIUM', 'Enterprise', 'legacy-2019');
CREATE TYPE plan AS ENUM ('free', 'starter', 'professional', 'premium', 'enterprise');
ALTER TABLE organizations ALTER plan_name TYPE plan USING plan_name::plan;
