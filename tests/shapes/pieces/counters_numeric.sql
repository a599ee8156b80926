-- counters are numeric, and some amounts have decimals
-- of: counters
ALTER TABLE organizations ALTER total_credits TYPE numeric(14, 2);
ALTER TABLE organization_credits ALTER total_credits TYPE numeric(14, 2), ALTER used_credits TYPE numeric(14, 2), ALTER remaining_credits TYPE numeric(14, 2);
ALTER TABLE credit_actions ALTER credits_consumed TYPE numeric(14, 2);
