-- PUBLIC may read, and write a name
-- of: roles
GRANT SELECT, UPDATE (name) ON organizations TO PUBLIC;
GRANT USAGE ON SEQUENCE credit_actions_id_seq TO PUBLIC;
