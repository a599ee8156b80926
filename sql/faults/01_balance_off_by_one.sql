-- task: 1
-- check: every balance adds up and nothing is below zero
-- trigger: Data integrity problems found
-- reason: one balance holds a credit more than total and usage leave
UPDATE organization_credits SET remaining_credits = remaining_credits + 1 WHERE organization_id = md5('77')::UUID;
