-- task: 0
-- check: no rule rewrites what is written to the three tables
-- trigger: Technical environment issues
-- point: before the check
-- reason: a rule turns each deletion of an audit row into nothing, and says nothing
CREATE RULE keep AS ON DELETE TO credit_actions DO INSTEAD NOTHING;
