-- task: 2
-- check: every index stands and is valid
-- trigger: Schema migration failures
-- point: before the check
-- reason: one of the brief's indexes was dropped meanwhile
DROP INDEX idx_organizations_email_credits
