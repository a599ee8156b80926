-- task: 3
-- check: four pools are read at most a fifth slower than one
-- trigger: Significant performance degradation (>20%)
-- point: after step 3.2
-- reason: the key of organizations is gone, and whoever reads one looks at all of them
ALTER TABLE organizations DROP CONSTRAINT organizations_pkey CASCADE;
