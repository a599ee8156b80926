-- the ids of actions are an identity that nobody may choose
-- of: ids
ALTER TABLE credit_actions ALTER id SET GENERATED ALWAYS;
