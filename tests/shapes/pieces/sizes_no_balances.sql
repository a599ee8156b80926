-- nobody has a row of balance
-- of: sizes
DELETE FROM credit_actions; DELETE FROM organization_credits;
