-- somebody has begun by hand, otherwise: a new column stands and is in use
-- of: columns
-- expect: blocked
ALTER TABLE organizations ADD ai_credits integer NOT NULL DEFAULT 0;
UPDATE organizations SET ai_credits = 7 WHERE name ~ 'a';
