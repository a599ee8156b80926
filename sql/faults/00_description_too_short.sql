-- task: 0
-- check: a row of each type the runbook writes is taken by the trail
-- trigger: Technical environment issues
-- point: before the check
-- reason: a description is a domain over a short text, in which the migration's own does not fit
CREATE DOMAIN short_words AS VARCHAR(30);
ALTER TABLE credit_actions ALTER description TYPE short_words USING left(description, 30);
