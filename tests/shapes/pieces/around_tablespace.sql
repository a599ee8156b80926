-- a table lies elsewhere
-- of: around
-- as the superuser
ALTER ROLE postgres SET allow_in_place_tablespaces = on;
-- as the superuser
CREATE TABLESPACE elsewhere OWNER guardian LOCATION '';
-- as the owner
ALTER TABLE credit_actions SET TABLESPACE elsewhere;
