-- actions have no id and no key
-- of: ids
ALTER TABLE credit_actions DROP COLUMN id;
