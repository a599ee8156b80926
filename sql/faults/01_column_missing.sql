-- task: 1
-- check: every column the migration relies on stands, with its type
-- trigger: Current system not functioning properly
-- reason: a column of the organizations has another name
ALTER TABLE organizations RENAME COLUMN status TO state;
