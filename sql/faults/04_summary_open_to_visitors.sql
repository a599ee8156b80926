-- task: 4
-- check: who may read balances
-- point: before the check
-- reason: visitors who have not signed in may read the view
GRANT SELECT ON organization_credit_summary TO anon;
