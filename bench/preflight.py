"""Preflight: how long it asks a large target with much around its tables, and what it holds meanwhile."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from bench.figures import Finding, Options, Part, Sample, Say, interleave
from bench.place import Place
from bench.project import Project
from runbook.database import embedded

ACTIONS, TABLES, ROLES = 5, 300, 40  # of each organization; around the three; in the cluster
SUBJECT = "preflight"
UNITS = {"seconds": "s", "lock_ms": "ms", "snapshot_s": "s"}
BETWEEN = 0.01  # seconds between two looks
AROUND = f"""
DO $$
BEGIN
    FOR n IN 1 .. {ROLES} LOOP
        IF to_regrole('around_' || n) IS NULL THEN
            EXECUTE format('CREATE ROLE around_%s', n);
        END IF;
    END LOOP;
END
$$;
SET ROLE guardian;
DO $$
BEGIN
    FOR n IN 1 .. {TABLES} LOOP
        EXECUTE format('CREATE TABLE public.around_%s (id bigint PRIMARY KEY, organization_id uuid, name text, '
            'email text, amount integer, note text, created_at timestamptz)', n);
        EXECUTE format('ALTER TABLE public.around_%s ENABLE ROW LEVEL SECURITY', n);
        EXECUTE format('CREATE POLICY own ON public.around_%s USING (organization_id = '
            '((SELECT auth.jwt()) ->> ''organization_id'')::uuid)', n);
        EXECUTE format('GRANT SELECT, INSERT ON public.around_%s TO around_%s', n, 1 + n % {ROLES});
    END LOOP;
END
$$;
RESET ROLE;
"""
# What somebody else could wait for: any lock of a table above the one every reader takes
HELD = """
    SELECT EXISTS (
        SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) JOIN pg_class ON pg_class.oid = relation
        WHERE application_name LIKE 'runbook preflight%' AND granted AND relpersistence = 'p' AND relkind = 'r'
          AND relnamespace <> 'pg_catalog'::regnamespace
          AND mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
    ), (
        SELECT max(extract(epoch FROM clock_timestamp() - xact_start))::float8 FROM pg_stat_activity
        WHERE application_name LIKE 'runbook preflight%' AND backend_xmin IS NOT NULL
    )
"""


def run(options: Options, place: Place, say: Say) -> Part:
    """Ask a target of 1,000,000 organizations, five actions each, with 300 tables and 40 roles around them."""
    organizations = options.size(1_000_000, 10_000)
    with TemporaryDirectory(prefix="bench-") as folder:
        sizes = {"organizations": organizations, "actions_per_organization": ACTIONS}
        project = Project(place, Path(folder), **sizes)
        local = project.plan.environment("local")
        say("filling")
        embedded.fill(place.server, local, local.database)
        with psycopg.connect(embedded.url(place.server, local.database, "postgres"), autocommit=True) as admin:
            admin.execute(AROUND.encode())
            admin.execute("VACUUM (ANALYZE)")
        samples = interleave({SUBJECT: lambda: _ask(project)}, options.times(3, 1), options.patience, say)
    findings = [
        Finding("a preflight takes", [one["seconds"] for one in samples[SUBJECT]], "s", "<= 10"),
        Finding("its longest lock", [one["lock_ms"] for one in samples[SUBJECT]], "ms", "<= 50"),
        Finding("its oldest snapshot", [one["snapshot_s"] for one in samples[SUBJECT]], "s", "<= 5"),
    ]
    facts = {"organizations": organizations, "tables": TABLES, "roles": ROLES}
    return Part("preflight", f"Preflight of {organizations:,} organizations", samples, UNITS, findings, facts)


def _ask(project: Project) -> Sample:
    with _watched(project) as held:
        begun = time.perf_counter()
        project.runbook("preflight", "--environment", "local")
        seconds = time.perf_counter() - begun
    return {"seconds": seconds, **held}


@contextmanager
def _watched(project: Project) -> Iterator[dict[str, float]]:
    """Look again and again at what the preflight's sessions hold; yield the longest of it."""
    held, stop = {"lock_ms": 0.0, "snapshot_s": 0.0}, threading.Event()

    def watch() -> None:
        since: float | None = None
        with project.connect() as connection:
            while not stop.wait(BETWEEN):
                row = connection.execute(HELD).fetchone()
                assert row is not None
                now = time.perf_counter()
                since = (now if since is None else since) if row[0] else None
                held["lock_ms"] = max(held["lock_ms"], 1000 * (now - since) if since is not None else 0.0)
                held["snapshot_s"] = max(held["snapshot_s"], row[1] or 0.0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield held
    finally:
        stop.set()
        watcher.join()
