-- The old name, and what kept it in step: dropped by `runbook finish`, once nobody reads or writes it any more.
-- %%archive old names
SELECT id, name FROM users ORDER BY id

-- %%drop old names
DROP TRIGGER keep_names_in_step ON users;
DROP FUNCTION keep_names_in_step();
ALTER TABLE users DROP COLUMN name;
