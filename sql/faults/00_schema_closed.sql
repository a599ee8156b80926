-- task: 0
-- check: the role has what the migration needs, and no more
-- trigger: Safety requirements not met
-- point: before the check
-- reason: the role may create nothing beside the tables
REVOKE CREATE ON SCHEMA public FROM PUBLIC, CURRENT_USER;
