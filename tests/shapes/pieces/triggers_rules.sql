-- a rule keeps actions from being deleted
-- of: triggers
-- expect: blocked
CREATE RULE keep AS ON DELETE TO credit_actions WHERE OLD.action_type = 'sms_send' DO INSTEAD NOTHING;
