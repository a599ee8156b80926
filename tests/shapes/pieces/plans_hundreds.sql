-- hundreds of plans, a name of their own for almost each organization
-- of: plans
UPDATE organizations SET plan_name = 'plan ' || left(id::text, 8) WHERE plan_name NOT IN ('premium', 'enterprise');
