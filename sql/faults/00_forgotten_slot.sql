-- task: 0
-- check: no standby lags, and no slot without a reader holds back WAL
-- trigger: Technical environment issues
-- point: before the check
-- reason: nobody reads a replication slot (shown by a view: a real one would concern the whole server)
CREATE TEMP VIEW pg_replication_slots AS
SELECT 'forgotten' AS slot_name, FALSE AS active, pg_current_wal_lsn() AS restart_lsn;
