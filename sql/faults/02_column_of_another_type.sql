-- task: 2
-- check: eight counters stand, none can be NULL
-- trigger: Schema migration failures
-- point: before the check
-- reason: a column of that name stands there as text
ALTER TABLE organizations
    DROP COLUMN sms_credits,
    ADD COLUMN sms_credits TEXT NOT NULL DEFAULT '0';
