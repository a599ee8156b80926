-- task: 4
-- check: a consumption touches no index, unless the brief's own indexes were asked for
-- trigger: Performance degradation >20%
-- point: before the check
-- reason: an index that nobody decided on contains a counter that consumptions change
CREATE INDEX idx_ai_usage ON organizations (ai_used_credits);
