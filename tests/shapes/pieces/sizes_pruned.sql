-- old actions are pruned
-- of: sizes
-- expect: acceptance
DELETE FROM credit_actions WHERE created_at < (SELECT min(created_at) + (max(created_at) - min(created_at)) / 2 FROM credit_actions);
