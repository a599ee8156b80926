-- Nothing to give back: this task only reads.
SELECT 'nothing to give back' AS rollback;
