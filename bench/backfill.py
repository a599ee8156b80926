"""Backfill: our batches against the brief's row-by-row block and against the bare floor."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import psycopg

from bench.figures import Finding, Options, Part, Sample, Say, interleave
from bench.migration import Notebook, brief
from bench.place import Place

FASTER_THAN_BRIEF = ">= 2.5"
OVER_THE_FLOOR = "<= 1.3"
UNITS = {
    "seconds": "s",
    "with_indexes": "s",
    "cpu_s": "s",
    "wal_mb": "MB",
    "grown_mb": "MB",
    "memory_mb": "MB",
    "estimated": "% off at a tenth",
    "others": "%",
}
# The tables with all that belongs to them
SIZE = "SELECT (pg_total_relation_size('organizations') + pg_total_relation_size('credit_actions'))::float8"
# The brief's amounts in one statement, its audit rows in another; nothing else stands on the tables.
FLOOR = """
UPDATE organizations
SET
    ai_credits = CASE WHEN has_fixed_plan THEN 1500 ELSE COALESCE(total_credits * 0.4, 500) END,
    whatsapp_credits = CASE WHEN has_fixed_plan THEN 1200 ELSE COALESCE(total_credits * 0.3, 300) END,
    email_credits = CASE WHEN has_fixed_plan THEN 20000 ELSE COALESCE(total_credits * 0.3, 1000) END,
    sms_credits = CASE WHEN has_fixed_plan THEN 500 ELSE COALESCE(total_credits * 0.1, 100) END
WHERE ai_credits = 0;

INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description, created_at)
SELECT id, 'migration', 0, 'Migrated to multi-credit system: ' || COALESCE(plan_name, 'no plan'), NOW()
FROM organizations
""".replace("has_fixed_plan", "plan_name IN ('enterprise', 'premium')")
LITERAL, AFTER, BEFORE, BARE = "brief's DO block", "ours, indexes built after", "ours, indexes in place", "bare floor"


def run(options: Options, place: Place, say: Say) -> Part:
    """Migrate 1,000,000 organizations (50,000 if quick), each time in a fresh copy of one database."""
    organizations = options.size(1_000_000, 50_000)
    template = place.template(organizations)
    subjects = {
        LITERAL: partial(by_brief, place, template),
        AFTER: partial(ours, place, template, indexes_first=False),
        BEFORE: partial(ours, place, template, indexes_first=True),
        BARE: partial(floor, place, template),
    }
    samples = interleave(subjects, options.times(5, 1), options.patience, say)
    return Part(
        "backfill",
        f"Backfill of {organizations:,} organizations",
        samples,
        UNITS,
        [
            Finding.ratio(
                "DO block / ours, indexes built after", samples, LITERAL, AFTER, "seconds", FASTER_THAN_BRIEF
            ),
            Finding.ratio("DO block / ours, indexes in place", samples, LITERAL, BEFORE, "seconds"),
            Finding.ratio("ours, indexes built after / floor", samples, AFTER, BARE, "seconds", OVER_THE_FLOOR),
            Finding.ratio("ours, indexes in place / floor", samples, BEFORE, BARE, "seconds"),
            Finding.ratio(
                "both with the builds of the indexes: DO block / ours", samples, LITERAL, AFTER, "with_indexes"
            ),
            Finding.ratio("processor time: DO block / ours, indexes built after", samples, LITERAL, AFTER, "cpu_s"),
            Finding.ratio("DO block / floor", samples, LITERAL, BARE, "seconds"),
            Finding.ratio("WAL: ours, indexes built after / DO block", samples, AFTER, LITERAL, "wal_mb"),
        ],
        {
            "organizations": organizations,
            **{name: Notebook(place).parameters[name] for name in ("workers", "batch_ms", "batch_blocks")},
        },
    )


def ours(place: Place, template: str, *, indexes_first: bool) -> Sample:
    """Run the notebook's backfill; the unique index on the audit rows stands from the beginning."""
    notebook, database = Notebook(place), place.copy(template)
    index: Sample = {}
    with place.connect(database) as connection:
        notebook.prepare(connection)
        notebook.build(connection, on_organizations=False)
        if indexes_first:
            index = _built(place, partial(notebook.build, connection, on_organizations=True))
        size = _size(connection)
        with place.measured() as found:
            figures = notebook.backfill(connection, database)
        if not indexes_first:
            index = _built(place, partial(notebook.build, connection, on_organizations=True))
        found["grown_mb"] = (_size(connection) - size) / 1e6
        found["estimated"] = _estimated(figures["history"])
        _require_migrated(connection.execute("SELECT count(*) FROM organizations").fetchone(), figures["rows"])
    return {**found, "with_indexes": found["seconds"] + index["seconds"]}


def by_brief(place: Place, template: str) -> Sample:
    """Run the brief's row-by-row block, its indexes in place."""
    database, steps = place.copy(template), brief(place)
    with place.connect(database) as connection:
        for step in ("2.1.1", "2.1.2"):
            connection.execute(steps[step].encode())
        index = _built(place, lambda: connection.execute(steps["2.1.3"].encode()))
        with place.measured() as found:
            connection.execute(steps["2.2.1"].encode())
    return {**found, "with_indexes": found["seconds"] + index["seconds"]}


def floor(place: Place, template: str) -> Sample:
    """Run the least that must be written, in two statements."""
    database = place.copy(template)
    with place.connect(database) as connection:
        connection.execute(brief(place)["2.1.1"].encode())
        with place.measured() as found:
            connection.execute(FLOOR.encode())
    return found


def _estimated(history: Sequence[Mapping[str, float]]) -> float:
    """Return how far off, in percent, the whole was as estimated after a tenth of the rows."""
    last = history[-1]
    first = next(point for point in history if point["rows"] >= last["rows"] / 10)
    return 100 * abs(first["seconds"] * last["rows"] / first["rows"] / last["seconds"] - 1)


def _size(connection: psycopg.Connection) -> float:
    row = connection.execute(SIZE).fetchone()
    assert row is not None
    return float(row[0])


def _built(place: Place, build: Callable[[], object]) -> Sample:
    with place.measured() as found:
        build()
    return found


def _require_migrated(expected: tuple[int] | None, rows: int) -> None:
    if expected != (rows,):
        raise RuntimeError(f"The backfill changed {rows} rows where there are {expected}.")
