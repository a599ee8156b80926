-- everybody has one plan
-- of: plans
UPDATE organizations SET plan_name = 'premium';
