-- storage, statistics, costs and fill of the tables are set
-- of: around
-- not with: sizes_large_names
ALTER TABLE organizations SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE organizations ALTER name SET STORAGE EXTERNAL, ALTER plan_name SET STATISTICS 500;
ALTER TABLE credit_actions ALTER description SET COMPRESSION pglz;
CREATE STATISTICS org_stats (dependencies) ON plan_name, status FROM organizations;
CREATE INDEX "By Plan" ON organizations (lower(plan_name::text)) INCLUDE (name) WHERE status <> 'gone';
ALTER TABLE organizations CLUSTER ON organizations_pkey;
COMMENT ON TABLE organizations IS 'those who pay';
COMMENT ON CONSTRAINT organizations_pkey ON organizations IS 'a key';
