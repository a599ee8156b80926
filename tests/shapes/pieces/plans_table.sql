-- plans stand in a table, an organization's plan and total are computed from it
-- of: plans
-- not with: columns_somebody_acts, columns_null, columns_soft_deleted, around_generated
CREATE TABLE plans (code text PRIMARY KEY, monthly_credits integer NOT NULL, price numeric(10,2) CHECK (price >= 0), features text[] NOT NULL DEFAULT '{}', period tstzrange);
INSERT INTO plans SELECT DISTINCT plan_name, 100, 9.99, ARRAY['a','b'] FROM organizations WHERE plan_name IS NOT NULL;
ALTER TABLE plans ENABLE ROW LEVEL SECURITY; CREATE POLICY "plans are public" ON plans FOR SELECT USING (true);
ALTER TABLE organizations ADD CONSTRAINT organizations_plan FOREIGN KEY (plan_name) REFERENCES plans ON UPDATE CASCADE ON DELETE RESTRICT;
CREATE TYPE standing AS ENUM ('trialing', 'active', 'past_due', 'inactive', 'suspended', 'canceled');
ALTER TABLE organizations ALTER status DROP DEFAULT, ALTER status TYPE standing USING (CASE WHEN status IN ('trialing','active','inactive','suspended') THEN status ELSE 'canceled' END)::standing, ALTER status SET DEFAULT 'trialing', ADD trial_ends_at timestamptz CHECK (trial_ends_at > created_at), ADD seats smallint NOT NULL DEFAULT 1;
UPDATE organizations SET status = 'trialing', trial_ends_at = created_at + '14 days' WHERE plan_name = 'free';
