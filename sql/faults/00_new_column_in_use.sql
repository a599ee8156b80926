-- task: 0
-- check: a new column that stands already is of a fitting type, and nobody counts in it
-- trigger: Safety requirements not met
-- point: before the check
-- reason: somebody has begun by hand, and gives credits there already
ALTER TABLE organizations ADD COLUMN ai_credits INTEGER NOT NULL DEFAULT 0;
UPDATE organizations SET ai_credits = 5 WHERE id = (SELECT id FROM organizations ORDER BY id LIMIT 1);
