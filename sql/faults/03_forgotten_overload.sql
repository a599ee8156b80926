-- task: 3
-- check: every relation and function of the application is in the table
-- trigger: Access control failures
-- reason: a second function of a known name hides behind the first
CREATE FUNCTION plan_credits(pool TEXT, plan_type TEXT) RETURNS INTEGER LANGUAGE sql AS 'SELECT 0';
