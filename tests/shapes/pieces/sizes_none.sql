-- no organization yet
-- of: sizes
DELETE FROM credit_actions; DELETE FROM organization_credits; DELETE FROM organizations;
