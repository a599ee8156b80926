-- the ids of actions are uuids
-- of: ids
ALTER TABLE credit_actions DROP COLUMN id;
ALTER TABLE credit_actions ADD id uuid PRIMARY KEY DEFAULT gen_random_uuid();
