-- somebody has begun by hand: some of the new columns stand, empty
-- of: columns
ALTER TABLE organizations ADD ai_credits integer NOT NULL DEFAULT 0, ADD sms_credits integer, ADD ai_used_credits integer DEFAULT 0;
