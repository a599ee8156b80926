-- an action costs something: a CHECK refuses 0
-- of: types
DELETE FROM credit_actions WHERE credits_consumed <= 0;
ALTER TABLE credit_actions ADD CONSTRAINT costs_something CHECK (credits_consumed > 0);
