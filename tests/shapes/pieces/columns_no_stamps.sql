-- nobody stamps when a row was changed
-- of: columns
ALTER TABLE organizations DROP COLUMN updated_at;
ALTER TABLE organization_credits DROP COLUMN updated_at;
