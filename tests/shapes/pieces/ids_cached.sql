-- each session draws fifty ids of actions at once: they are not in order
-- of: ids
ALTER TABLE credit_actions ALTER id SET CACHE 50;
