-- rows are told apart whole, by nothing, and by another key
-- of: around
ALTER TABLE organizations REPLICA IDENTITY FULL;
ALTER TABLE credit_actions REPLICA IDENTITY NOTHING;
CREATE PUBLICATION cdc FOR TABLE organizations;
