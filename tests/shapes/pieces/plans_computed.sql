-- total and plan of an organization are generated columns
-- of: plans
-- not with: balance_mirrored, counters_bigint, counters_numeric, counters_beyond_integer, columns_null, around_generated, tenancy_plan_writable, sizes_one, sizes_two, sizes_none, around_publications, triggers_plan_changes, around_jobs, around_views
ALTER TABLE organizations ADD base_credits integer, ADD bonus_credits integer NOT NULL DEFAULT 0, ADD tier smallint;
UPDATE organizations SET base_credits = total_credits, tier = CASE plan_name WHEN 'enterprise' THEN 3 WHEN 'premium' THEN 2 WHEN 'free' THEN 0 ELSE 1 END;
ALTER TABLE organizations DROP COLUMN total_credits, DROP COLUMN plan_name;
ALTER TABLE organizations ADD total_credits integer GENERATED ALWAYS AS (base_credits + bonus_credits) STORED, ADD plan_name text GENERATED ALWAYS AS (CASE tier WHEN 3 THEN 'enterprise' WHEN 2 THEN 'premium' WHEN 0 THEN 'free' ELSE 'starter' END) STORED;
