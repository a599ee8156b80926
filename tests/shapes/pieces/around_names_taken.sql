-- names the migration would give are taken
-- of: around
-- expect: blocked
CREATE TABLE idempotency_keys (key text PRIMARY KEY, at timestamptz DEFAULT now());
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON idempotency_keys FROM anon, authenticated;
INSERT INTO idempotency_keys VALUES ('kept');
