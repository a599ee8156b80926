-- task: 4
-- check: a request touches at most 30 pages, however large the table
-- point: before the check
-- reason: the planner reads the whole table for one organization
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SET enable_bitmapscan = off;
