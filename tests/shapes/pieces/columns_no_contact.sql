-- an organization has no contact, an action no user, address or browser
-- of: columns
ALTER TABLE organizations DROP COLUMN contact_email;
ALTER TABLE credit_actions DROP COLUMN user_id, DROP COLUMN ip_address, DROP COLUMN user_agent;
