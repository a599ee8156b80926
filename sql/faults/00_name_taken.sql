-- task: 0
-- check: no name that is about to be given is taken
-- trigger: Safety requirements not met
-- reason: the customer has a table of a name that Task 2 is about to give

CREATE TABLE idempotency_keys (request TEXT PRIMARY KEY, seen_at TIMESTAMPTZ);
