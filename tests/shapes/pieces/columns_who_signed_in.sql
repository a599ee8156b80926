-- the user of an action is never empty: whoever signed in, by the default
-- of: columns
-- expect: blocked
-- not with: columns_no_contact, columns_never_empty, columns_somebody_acts, ids_partitioned, ids_partitioned_by_type
CREATE FUNCTION auth.current_user_id() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (auth.jwt() ->> 'sub')::uuid $$;
UPDATE credit_actions SET user_id = gen_random_uuid() WHERE user_id IS NULL;
ALTER TABLE credit_actions ALTER user_id SET DEFAULT auth.current_user_id(), ALTER user_id SET NOT NULL;
