-- actions are partitioned by month
-- of: ids
ALTER TABLE credit_actions RENAME TO old_actions;
ALTER TABLE old_actions RENAME CONSTRAINT credit_actions_pkey TO old_actions_pkey;
ALTER TABLE old_actions RENAME CONSTRAINT credit_actions_organization_id_fkey TO old_actions_fkey;
ALTER INDEX idx_credit_actions_organization_created RENAME TO idx_old_actions;
ALTER TABLE old_actions ALTER id DROP IDENTITY;
CREATE SEQUENCE credit_actions_id_seq;
CREATE TABLE credit_actions (LIKE old_actions INCLUDING DEFAULTS, PRIMARY KEY (id, created_at), FOREIGN KEY (organization_id) REFERENCES organizations) PARTITION BY RANGE (created_at);
ALTER TABLE credit_actions ALTER id SET DEFAULT nextval('credit_actions_id_seq');
CREATE TABLE credit_actions_2025h1 PARTITION OF credit_actions FOR VALUES FROM (MINVALUE) TO ('2025-07-01');
CREATE TABLE credit_actions_2025h2 PARTITION OF credit_actions FOR VALUES FROM ('2025-07-01') TO ('2026-01-01');
CREATE TABLE credit_actions_rest PARTITION OF credit_actions DEFAULT;
CREATE INDEX idx_credit_actions_organization_created ON credit_actions (organization_id, created_at);
INSERT INTO credit_actions SELECT * FROM old_actions;
SELECT setval('credit_actions_id_seq', (SELECT max(id) FROM credit_actions));
DROP TABLE old_actions;
ALTER TABLE credit_actions ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_actions_2025h1 ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_actions_2025h2 ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_actions_rest ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Members read their actions" ON credit_actions FOR SELECT TO authenticated USING (organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::uuid);
