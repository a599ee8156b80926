-- Nothing stood before that this task changes; what it made is on record, and is dropped after this.
SELECT 'nothing to give back' AS rollback;
