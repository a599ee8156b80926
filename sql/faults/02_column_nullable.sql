-- task: 2
-- check: eight counters stand, none can be NULL
-- trigger: Schema migration failures
-- point: before the check
-- reason: a counter may be NULL
ALTER TABLE organizations ALTER COLUMN email_used_credits DROP NOT NULL;
