-- the key of actions is their time and their id
-- of: ids
ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_pkey, ADD PRIMARY KEY (created_at, id);
