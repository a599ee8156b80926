-- no column has a default but the keys and the times
-- of: columns
ALTER TABLE organizations ALTER status DROP DEFAULT;
ALTER TABLE organization_credits ALTER total_credits DROP DEFAULT, ALTER used_credits DROP DEFAULT, ALTER remaining_credits DROP DEFAULT;
ALTER TABLE credit_actions ALTER credits_consumed DROP DEFAULT;
