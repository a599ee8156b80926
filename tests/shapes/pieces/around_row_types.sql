-- the row type of organizations is used elsewhere: in a function, in a column
-- of: around
CREATE FUNCTION label(o organizations) RETURNS text LANGUAGE sql STABLE AS $$ SELECT o.name $$;
CREATE FUNCTION newest() RETURNS SETOF organizations LANGUAGE sql STABLE AS $$ SELECT * FROM organizations ORDER BY created_at DESC LIMIT 5 $$;
CREATE TABLE snapshots (at timestamptz PRIMARY KEY DEFAULT now(), taken credit_actions[]);
ALTER TABLE snapshots ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON snapshots FROM anon, authenticated;
