-- task: 1
-- check: every column the migration relies on stands, with its type
-- trigger: Current system not functioning properly
-- reason: balances are fractions, which the pools would round
ALTER TABLE organization_credits ALTER COLUMN remaining_credits TYPE NUMERIC(12, 2);
