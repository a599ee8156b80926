-- constraints see to it that a balance adds up and owes nothing
-- of: columns
-- not with: sizes_overdrawn
ALTER TABLE organization_credits ADD CONSTRAINT "owes nothing" CHECK (remaining_credits >= 0), ADD CHECK (used_credits BETWEEN 0 AND total_credits), ADD CONSTRAINT adds_up CHECK (total_credits = used_credits + remaining_credits);
