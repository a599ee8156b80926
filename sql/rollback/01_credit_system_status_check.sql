-- Task 1 changes nothing but the runbook's own ledger.
SELECT 'nothing to reverse' AS rollback;
