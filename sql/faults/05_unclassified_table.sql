-- task: 5
-- check: each column of every application table is classified, and what is classified exists
-- trigger: GDPR compliance issues
-- point: before the check
-- reason: a table of contacts was added, and nobody said that it is personal
CREATE TABLE contacts (email TEXT);
