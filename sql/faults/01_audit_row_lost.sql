-- task: 1
-- check: what was used is what the actions say
-- trigger: Data integrity problems found
-- reason: one action is missing from the audit trail
DELETE FROM credit_actions WHERE id = 77;
