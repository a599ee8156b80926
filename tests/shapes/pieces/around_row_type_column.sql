-- the row type of organizations is a column's, so that no column with a default may be added
-- of: around
-- not with: around_collations
-- expect: blocked
CREATE TABLE former (at timestamptz PRIMARY KEY DEFAULT now(), was organizations);
ALTER TABLE former ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON former FROM anon, authenticated;
INSERT INTO former (was) SELECT o FROM organizations AS o LIMIT 1;
