-- no action costs more than a hundred credits
-- of: types
-- not with: counters_numeric, counters_beyond_integer, around_refunds
ALTER TABLE credit_actions ADD CONSTRAINT at_most CHECK (credits_consumed BETWEEN 0 AND 1000);
