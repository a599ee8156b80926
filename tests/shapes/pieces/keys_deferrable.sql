-- foreign keys are deferred, and nothing happens when an organization goes
-- of: keys
ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_organization_id_fkey, ADD FOREIGN KEY (organization_id) REFERENCES organizations DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey, ADD FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED;
