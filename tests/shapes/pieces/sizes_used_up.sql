-- everybody has used all
-- of: sizes
UPDATE organizations SET total_credits = (SELECT used_credits FROM organization_credits WHERE organization_id = id);
UPDATE organization_credits SET total_credits = used_credits;
UPDATE organization_credits SET remaining_credits = 0 WHERE remaining_credits <> 0;
