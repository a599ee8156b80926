-- nobody has ever used a credit
-- of: sizes
DELETE FROM credit_actions;
UPDATE organization_credits SET used_credits = 0;
UPDATE organization_credits SET remaining_credits = total_credits WHERE remaining_credits <> total_credits;
