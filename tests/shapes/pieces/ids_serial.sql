-- the ids of actions are a serial
-- of: ids
ALTER TABLE credit_actions ALTER id DROP IDENTITY;
CREATE SEQUENCE "Action Ids" AS integer OWNED BY credit_actions.id;
SELECT setval('"Action Ids"', (SELECT max(id) FROM credit_actions));
ALTER TABLE credit_actions ALTER id SET DEFAULT nextval('"Action Ids"');
