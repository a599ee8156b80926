-- Nothing stood before that this task changes; what it made is dropped after this.
SELECT 'nothing to give back' AS rollback;
