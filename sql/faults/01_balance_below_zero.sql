-- task: 1
-- check: every balance adds up and nothing is below zero
-- trigger: Data integrity problems found
-- reason: one balance is overdrawn, although it adds up
UPDATE organization_credits SET used_credits = total_credits + 1, remaining_credits = -1 WHERE organization_id = md5('77')::UUID;
