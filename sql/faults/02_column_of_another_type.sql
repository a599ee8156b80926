-- task: 2
-- check: eight counters stand, none can be NULL
-- trigger: Schema migration failures
-- point: before the task
-- reason: a column of that name stood there already, as text
ALTER TABLE organizations ADD COLUMN sms_credits TEXT DEFAULT '0';
