-- task: 1
-- check: the parts of every name are the name
-- trigger: A user has lost a name
-- point: before the check
-- reason: a last name was lost, and nothing noticed

ALTER TABLE users DISABLE TRIGGER keep_names_in_step;
UPDATE users SET last_name = NULL WHERE id = 7;
ALTER TABLE users ENABLE TRIGGER keep_names_in_step;
