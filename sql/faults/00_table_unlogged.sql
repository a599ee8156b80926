-- task: 0
-- check: the tables are of the kind the migration is written for
-- trigger: Technical environment issues
-- point: before the check
-- reason: the audit trail is not logged: a crash would empty it
ALTER TABLE credit_actions SET UNLOGGED;
