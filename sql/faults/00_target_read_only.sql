-- task: 0
-- check: the server can take the migration
-- trigger: Technical environment issues
-- point: before the check
-- reason: the target takes no writes
SET default_transaction_read_only = on;
