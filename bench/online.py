"""Online: the latency of steady traffic while all tasks run and are reversed, against the idle system before."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psycopg
from numpy.typing import NDArray
from tests.support.traffic import UNRECONCILED

from bench.figures import Finding, Options, Part, Samples, Say
from bench.migration import brief
from bench.pgbench import Script, command
from bench.place import Place
from bench.project import Project

OF_IDLE = "<= 2"
BLOCKED = "<= 0.5"
RATE = 200  # calls per second, from eight clients
CLIENTS = 8
TAIL = 3.0  # seconds of traffic after the migration, and what pgbench may still hold back of its log
# Gates that measure in milliseconds would judge the traffic.
UNJUDGED = [word for name in ("floor_ms", "narrow_ms", "slowest_ms") for word in ("-p", name, "100000")]
# Task 0 backs up, and makes a dry run on a copy
IDLE, PREPARING, MIGRATING, REVERSING = "idle", "during Task 0", "during Task 2", "during the rollback"
WHOLE, TESTING = "from Task 0 to Task 5", "during Tasks 3 to 5"
BY_HAND = "during the brief's SQL"  # sent as it stands, as by psql
BESIDE = "beside one session that reads"  # what anybody's query costs the traffic here, with as few cores
READS = "SELECT sum(hashtextextended(o::text, 0)) FROM organizations AS o"
UNITS = {"p99": "ms", "p50": "ms", "longest": "ms", "calls": "calls"}
CALLERS = """
CREATE SCHEMA bench;
CREATE TABLE bench.callers AS
SELECT row_number() OVER (ORDER BY o.id) AS n, o.id
FROM organizations AS o JOIN organization_credits AS c ON c.organization_id = o.id
WHERE plan_name IN ('premium', 'enterprise') AND remaining_credits > 9000;
CREATE UNIQUE INDEX ON bench.callers (n);
-- Whoever calls most must not run dry
UPDATE organizations SET total_credits = total_credits + 100000 WHERE id = (SELECT id FROM bench.callers WHERE n = 1);
UPDATE organization_credits SET total_credits = total_credits + 100000, remaining_credits = remaining_credits + 100000
WHERE organization_id = (SELECT id FROM bench.callers WHERE n = 1)
"""
CALL = "SELECT consume_credits_rpc((SELECT id FROM bench.callers WHERE n = :n), {}, 1);"
ANY_TYPE = "(ARRAY['ai_chat', 'whatsapp_message', 'email_send', 'sms_send'])[:type]"
LOCKED = """
SELECT max(extract(epoch FROM clock_timestamp() - waitstart))::float8
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE NOT granted AND application_name = 'pgbench'
"""
# After the rollback: what is used is what the trail says
UNBALANCED = """
SELECT organization_id FROM organization_credits
LEFT JOIN (SELECT organization_id, sum(credits_consumed) AS used FROM credit_actions GROUP BY 1) AS trail
    USING (organization_id)
WHERE used_credits <> COALESCE(used, 0)
"""
# What calls took since from the old pool, and no new one knows
LOST = """
SELECT sum(credits_consumed)::float8 - (
    SELECT sum(ai_used_credits + whatsapp_used_credits + email_used_credits + sms_used_credits) FROM organizations
)
FROM credit_actions
WHERE action_type <> 'migration' AND created_at >= to_timestamp(%s)
"""
STEPS = ("2.1.1", "2.1.2", "2.1.3", "2.2.1", "2.2.2")  # of the brief


@dataclass
class Traffic:
    """pgbench at a steady rate, on one organization every fourth time.

    Attributes:
        calls: one row per call: when it ended (seconds since 1970), and how long it took from the moment it was due,
            in milliseconds; shape (n, 2).
        blocked: the longest any of them was seen waiting for a lock, in seconds.
    """

    project: Project
    calls: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    blocked: float = 0.0

    def __enter__(self) -> "Traffic":
        with self.project.connect() as connection:
            connection.execute(CALLERS)
            row = connection.execute("SELECT count(*) FROM bench.callers").fetchone()
        assert row is not None
        spread = f"\\set n random(2, {row[0]})\n\\set type random(1, 4)\n{CALL.format(ANY_TYPE)}"
        hot = "\\set n 1\n" + CALL.format("'email_send'")
        scripts = [Script(hot, 1), Script(spread, 3)]
        self._folder = TemporaryDirectory(prefix="bench-")
        options = (f"--client={CLIENTS}", "--jobs=2", f"--rate={RATE}", "--time=86400", "--log")
        line = command(self.project.url, scripts, Path(self._folder.name), *options)
        self._process = subprocess.Popen(
            line, cwd=self._folder.name, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._watcher.join()
        self._process.terminate()
        assert self._process.stderr is not None
        words = self._process.stderr.read()
        self._process.wait()
        logs = Path(self._folder.name).glob("pgbench_log.*")
        lines = [line.split() for log in logs for line in log.read_text(encoding="utf-8").splitlines()]
        # client, number, microseconds, script, seconds, microseconds, lag; the last line may be cut off
        found = [(int(one[4]) + int(one[5]) / 1e6, int(one[2]) / 1e3) for one in lines if len(one) == 7]
        self.calls = np.array(sorted(found))
        self._folder.cleanup()
        if "aborted" in words or "ERROR" in words:
            raise RuntimeError(f"A call failed during the migration: {words}")

    def between(self, begun: float, ended: float) -> dict[str, float]:
        """Return p99, p50 and the longest latency in milliseconds, and the number, of the calls that ended then."""
        chosen = self.calls[(self.calls[:, 0] >= begun) & (self.calls[:, 0] <= ended), 1]
        p50, p99 = np.percentile(chosen, [50, 99])
        return {"p99": float(p99), "p50": float(p50), "longest": float(chosen.max()), "calls": float(len(chosen))}

    def _watch(self) -> None:
        with self.project.connect() as connection:
            while not self._stop.wait(0.01):
                row = connection.execute(LOCKED).fetchone()
                self.blocked = max(self.blocked, row[0] or 0.0) if row else self.blocked


@dataclass
class ByHand:
    """The brief's SQL under the same traffic.

    Attributes:
        latency: as `Traffic.between` returns it.
        seconds: from the first statement to the last.
        lost: credits that were consumed after the last statement, which no new pool knows.
    """

    latency: dict[str, float]
    seconds: float
    lost: float


def _by_hand(place: Place, organizations: int) -> ByHand:
    steps = brief(place)
    with _project(place, organizations) as project, project.connect() as connection:
        with Traffic(project) as traffic:
            time.sleep(1)
            begun = time.time()
            for step in STEPS:
                connection.execute(steps[step].encode())
            ended = time.time()
            time.sleep(TAIL)
        row = connection.execute(LOST, [ended]).fetchone()
    assert row is not None
    return ByHand(traffic.between(begun, ended), ended - begun, row[0])


def _read(project: Project, seconds: float) -> None:
    with project.connect() as connection:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            connection.execute(READS)


def run(options: Options, place: Place, say: Say) -> Part:
    """Migrate 200,000 organizations (20,000 if quick) under traffic, and give them back."""
    organizations = options.size(200_000, 20_000)
    idle = 5.0 if options.quick else 15.0
    subjects = (IDLE, BESIDE, WHOLE, PREPARING, MIGRATING, TESTING, REVERSING, BY_HAND)
    samples: Samples = {name: [] for name in subjects}
    blocked, unreconciled, per_row, took, by_hand = [], [], [], [], list[ByHand]()
    repetitions = options.times(3, 1)
    for number in range(repetitions):
        say(f"{organizations:,} organizations · {number + 1} of {repetitions}")
        with _project(place, organizations) as project:
            with Traffic(project) as traffic:
                time.sleep(1)
                begun = time.time()
                time.sleep(idle)
                ended = time.time()
                _read(project, idle)
                read = time.time()
                project.runbook("run", *UNJUDGED)
                time.sleep(TAIL)
                with project.connect() as connection:
                    windows = [_window(connection, number) for number in range(6)]
                    wrong = len(connection.execute(UNRECONCILED).fetchall())
                reversing = time.time()
                project.runbook("rollback", "--yes")
                given_back = time.time()
                time.sleep(TAIL)
            with project.connect() as connection:
                wrong += len(connection.execute(UNBALANCED).fetchall())
            samples[IDLE].append(traffic.between(begun, ended))
            samples[BESIDE].append(traffic.between(ended, read))
            samples[WHOLE].append(traffic.between(windows[0][0], windows[5][1]))
            samples[PREPARING].append(traffic.between(*windows[0]))
            samples[MIGRATING].append(traffic.between(*windows[2]))
            samples[TESTING].append(traffic.between(windows[3][0], windows[5][1]))
            samples[REVERSING].append(traffic.between(reversing, given_back))
            unreconciled.append(float(wrong))
            blocked.append(traffic.blocked)
            per_row.append((given_back - reversing) / organizations * 1e6)
            took.append(windows[2][1] - windows[2][0])
        by_hand.append(_by_hand(place, organizations))
        samples[BY_HAND].append(by_hand[-1].latency)
    findings = [
        Finding.ratio("p99 from Task 0 to Task 5 / idle", samples, WHOLE, IDLE, "p99", OF_IDLE),
        Finding.ratio("p99 during Task 2 / idle", samples, MIGRATING, IDLE, "p99", OF_IDLE),
        Finding.ratio("p99 during Task 0 / idle", samples, PREPARING, IDLE, "p99"),
        Finding.ratio("p99 during Tasks 3 to 5 / idle", samples, TESTING, IDLE, "p99"),
        Finding.ratio("p99 beside one session that reads / idle", samples, BESIDE, IDLE, "p99"),
        Finding("longest call during Task 2", [one["longest"] / 1000 for one in samples[MIGRATING]], "s", BLOCKED),
        Finding.ratio("p99 in a rollback / idle", samples, REVERSING, IDLE, "p99", OF_IDLE),
        Finding("longest call in a rollback", [one["longest"] / 1000 for one in samples[REVERSING]], "s", BLOCKED),
        Finding("the whole rollback, per organization", per_row, "µs"),
        Finding("longest wait for a lock", blocked, "s", BLOCKED),
        Finding("organizations that do not reconcile", unreconciled, "", "= 0"),
        Finding("Task 2, checks included", took, "s"),
        Finding("the brief's SQL", [one.seconds for one in by_hand], "s"),
        Finding.ratio("p99 during the brief's SQL / idle", samples, BY_HAND, IDLE, "p99"),
        Finding("longest call during the brief's SQL", [one.latency["longest"] / 1000 for one in by_hand], "s"),
        Finding("credits consumed since the brief's SQL that no new pool knows", [one.lost for one in by_hand], ""),
    ]
    title = f"Latency of traffic while {organizations:,} organizations are migrated and given back"
    return Part("online", title, samples, UNITS, findings, {"calls_per_second": RATE, "clients": CLIENTS})


@contextmanager
def _project(place: Place, organizations: int) -> Iterator[Project]:
    """Offer a project on a server that has come to rest."""
    with TemporaryDirectory(prefix="bench-") as folder:
        project = Project(place, Path(folder), organizations=organizations, actions_per_organization=1)
        project.runbook("reset")
        with project.connect() as connection:
            connection.execute("VACUUM (ANALYZE)")  # as autovacuum leaves a table that stands for a while
        place.checkpoint()
        yield project


def _window(connection: psycopg.Connection, task: int) -> tuple[float, float]:
    """Return when a task began and ended, in seconds since 1970."""
    row = connection.execute("SELECT started_at, finished_at FROM runbook.tasks WHERE number = %s", [task]).fetchone()
    assert row is not None and isinstance(row[0], datetime)
    return row[0].timestamp(), row[1].timestamp()
