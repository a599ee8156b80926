-- a balance is of a period and in a currency, in columns without a default
-- of: columns
ALTER TABLE organization_credits ADD period_start timestamptz, ADD period_end timestamptz, ADD currency char(3);
UPDATE organization_credits SET period_start = '2026-01-01', period_end = '2026-02-01', currency = 'EUR';
ALTER TABLE organization_credits ALTER period_start SET NOT NULL, ALTER period_end SET NOT NULL, ALTER currency SET NOT NULL, ADD CHECK (period_end > period_start);
