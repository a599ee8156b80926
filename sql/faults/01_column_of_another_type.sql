-- task: 1
-- check: every column the migration relies on stands, with its type
-- trigger: Current system not functioning properly
-- reason: balances are floating point: sums of them depend on the order of rows
ALTER TABLE organization_credits ALTER COLUMN remaining_credits TYPE REAL;
