-- task: 4
-- check: whoever may read balances, and with whose rights
-- point: before the check
-- reason: visitors who have not signed in may read the view
GRANT SELECT ON organization_credit_summary TO anon;
