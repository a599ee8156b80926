-- the ids of actions are uuids, which a function of a schema of its own draws
-- of: ids
-- not with: around_parts_elsewhere
CREATE SCHEMA ids;
GRANT USAGE ON SCHEMA ids TO service_role;
CREATE FUNCTION ids.draw() RETURNS uuid LANGUAGE sql VOLATILE SET search_path = '' AS $$ SELECT encode(overlay(uuid_send(gen_random_uuid()) PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 'hex')::uuid $$;
ALTER TABLE credit_actions DROP COLUMN id;
ALTER TABLE credit_actions ADD id uuid PRIMARY KEY DEFAULT ids.draw();
