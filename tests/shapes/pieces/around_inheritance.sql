-- a table inherits organizations
-- of: around
CREATE TABLE archived_organizations (archived_at timestamptz NOT NULL DEFAULT now()) INHERITS (organizations);
ALTER TABLE archived_organizations ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON archived_organizations FROM anon, authenticated;
