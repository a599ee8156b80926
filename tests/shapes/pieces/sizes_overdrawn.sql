-- one organization is overdrawn
-- of: sizes
-- expect: acceptance
UPDATE organization_credits SET total_credits = used_credits - 5 WHERE organization_id = (SELECT organization_id FROM organization_credits WHERE used_credits > 10 ORDER BY 1 LIMIT 1);
UPDATE organization_credits SET remaining_credits = total_credits - used_credits WHERE remaining_credits <> total_credits - used_credits;
