-- task: 1
-- check: every column the migration relies on stands, with its type
-- trigger: Current system not functioning properly
-- reason: a column of the audit trail has another name
ALTER TABLE credit_actions RENAME COLUMN user_agent TO client;
