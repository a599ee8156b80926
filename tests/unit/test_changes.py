"""A cell that changes the target and does not say so is found by its text, and nothing that only reads is."""

import pytest

from runbook.plan.cells import Cell
from runbook.plan.changes import unsaid


def found(source: str, *tags: str) -> bool:
    return bool(list(unsaid(Cell("code", source, frozenset(tags), ""))))


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE t ADD COLUMN c integer",
        "-- a remark\nalter table t add c int",
        "/* one */ UPDATE t SET a = 1",
        "SELECT 1; DELETE FROM t",
        "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
        "WITH w AS (SELECT 1) INSERT INTO t SELECT * FROM w",
        "SELECT * INTO other FROM t",
        "EXPLAIN ANALYZE UPDATE t SET a = 1",
        "EXPLAIN (ANALYZE, BUFFERS) DELETE FROM t",
        "BEGIN; UPDATE t SET a = 1; COMMIT",
        "BEGIN; ROLLBACK; UPDATE t SET a = 1",
        "DO $$ BEGIN UPDATE t SET a = 1; END $$",
        "DO $x$ BEGIN EXECUTE 'DROP TABLE t'; END $x$",
        "COPY t FROM '/tmp/x'",
        "CREATE INDEX ON t (a)",
        "TRUNCATE t",
        "GRANT SELECT ON t TO PUBLIC",
        "REFRESH MATERIALIZED VIEW m",
        "CALL mend()",
    ],
)
def test_a_change_must_be_said(sql):
    assert found(f"%%sql\n{sql}")
    assert not found(f"%%sql\n{sql}", "apply")
    assert not found(f"%%sql --probe\n{sql}")
    assert not found(f'%%sql --as "tenant A"\n{sql}')


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'DELETE FROM t'",
        'SELECT "update", a AS "into" FROM t',
        "SELECT $$INSERT INTO t$$",
        "-- UPDATE t SET a = 1\nSELECT 1",
        "SET request.jwt.claims TO '{}'",
        "EXPLAIN UPDATE t SET a = 1",
        "EXPLAIN (ANALYZE false) DELETE FROM t",
        "EXPLAIN ANALYZE SELECT 1",
        "BEGIN; UPDATE t SET a = 1; ROLLBACK",
        "CREATE TEMP VIEW v AS SELECT 1",
        "CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1",
        "CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql RETURN 1",
        "COPY t TO STDOUT",
        "\\d organizations",
        "SELECT created_at, updated_at FROM t WHERE deleted",
        "DO $$ BEGIN PERFORM 1; END $$",
    ],
)
def test_what_only_reads_needs_no_tag(sql):
    assert not found(f"%%sql\n{sql}")


def test_backfills_and_indexes_are_changes():
    assert found("%%backfill t: name\nUPDATE t")
    assert found("%%concurrently\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)")
    assert not found("%%check nothing is left: no rows\nSELECT 1")
