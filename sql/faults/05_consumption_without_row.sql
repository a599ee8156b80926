-- task: 5
-- check: every used counter is the sum of its audit rows
-- trigger: Logging failures or gaps
-- point: before the check
-- reason: a consumption has lost its audit row
SELECT consume_credits_rpc(current_setting('runbook.sample')::UUID, 'sms_send', 1);
DELETE FROM credit_actions WHERE id = (SELECT MAX(id) FROM credit_actions);
