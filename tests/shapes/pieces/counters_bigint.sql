-- counters are bigint
-- of: counters
ALTER TABLE organizations ALTER total_credits TYPE bigint;
ALTER TABLE organization_credits ALTER total_credits TYPE bigint, ALTER used_credits TYPE bigint, ALTER remaining_credits TYPE bigint;
ALTER TABLE credit_actions ALTER credits_consumed TYPE bigint;
