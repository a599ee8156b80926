-- everybody may read, and write a name: PUBLIC
-- of: roles
-- not with: ids_none, ids_uuid, ids_serial
GRANT SELECT, UPDATE (name) ON organizations TO PUBLIC;
GRANT USAGE ON SEQUENCE credit_actions_id_seq TO PUBLIC;
