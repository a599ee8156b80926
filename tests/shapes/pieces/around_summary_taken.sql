-- a view of the name that Task 4 gives stands already
-- of: around
-- expect: blocked
CREATE VIEW organization_credit_summary WITH (security_invoker = true) AS SELECT id, name FROM organizations;
