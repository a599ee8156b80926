-- task: 0
-- check: the backup, restored, equals the tables
-- trigger: Safety requirements not met
-- point: after step 0.1
-- reason: a column is computed anew when it is restored, and is another one then
CREATE FUNCTION stands_in(organization uuid) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT current_database()::text';
ALTER TABLE organizations ADD COLUMN stands_in text GENERATED ALWAYS AS (stands_in(id)) STORED;
