-- task: 4
-- check: who may read balances
-- point: before the check
-- reason: the view runs with its owner's rights and passes row level security by
ALTER VIEW organization_credit_summary RESET (security_invoker);
