-- task: 0
-- check: no prepared transaction is left open
-- trigger: Technical environment issues
-- point: before the check
-- reason: a prepared transaction was forgotten (shown by a view in the place of the server's own: this one prepares none)
CREATE TEMP VIEW pg_prepared_xacts AS
SELECT '7'::XID AS transaction, 'forgotten' AS gid, now() AS prepared, CURRENT_USER AS owner, current_database() AS database;
