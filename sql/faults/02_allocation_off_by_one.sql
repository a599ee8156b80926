-- task: 2
-- check: every allocation is what the plan says
-- trigger: Data migration errors or inconsistencies
-- point: before the check
-- reason: one organization got one credit too many
UPDATE organizations SET sms_credits = sms_credits + 1 WHERE id = md5('77')::UUID;
