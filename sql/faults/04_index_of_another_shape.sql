-- task: 4
-- check: the indexes kept stand as the brief defines them, and the others are gone
-- trigger: Index creation failures
-- point: before the task
-- reason: an index of that name stands already, on another column
CREATE INDEX idx_active_organizations_credits ON organizations (status);
