-- what an action costs is a domain over a domain, and refuses 0
-- of: types
-- not with: counters_bigint, counters_numeric, counters_beyond_integer
DELETE FROM credit_actions WHERE credits_consumed <= 0;
CREATE DOMAIN amount AS integer CONSTRAINT fair CHECK (VALUE >= 0);
CREATE DOMAIN cost AS amount CONSTRAINT fair CHECK (VALUE > 0);
ALTER TABLE credit_actions ALTER credits_consumed DROP DEFAULT, ALTER credits_consumed TYPE cost;
