-- task: 5
-- check: every used counter is the sum of its audit rows
-- trigger: Logging failures or gaps
-- point: before the check
-- reason: an audit row speaks of a consumption that never was
INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description)
VALUES (current_setting('runbook.sample')::UUID, 'ai_chat', 3, 'Consumed 3 ai_chat credits');
