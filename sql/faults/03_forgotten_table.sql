-- task: 3
-- check: every relation and function of the application is in the table
-- trigger: Access control failures
-- reason: a table was added and nobody declared who may do what with it
CREATE TABLE invoices (id BIGINT PRIMARY KEY, organization_id UUID NOT NULL, amount NUMERIC NOT NULL);
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON invoices FROM anon, authenticated;
