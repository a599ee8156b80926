-- a constraint asks who acted, unless the action is the system's
-- of: columns
-- not with: columns_no_contact, ids_partitioned
-- expect: blocked
UPDATE credit_actions SET user_id = gen_random_uuid() WHERE user_id IS NULL;
ALTER TABLE credit_actions ADD CONSTRAINT somebody_acts CHECK (user_id IS NOT NULL OR action_type = 'system');
