"""Killed anywhere, resumed, and in the very state an undisturbed run reaches.

Each kill costs one task, begun from a copy of the state before it. The moments are drawn from a seed: RUNBOOK_KILLS
(how many) and RUNBOOK_KILL_SEED choose others; `pytest -s` shows each.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql

from runbook.database import embedded, snapshot
from runbook.database.ledger import Ledger
from runbook.database.target import Target
from runbook.plan.plan import Plan

SEED = int(os.environ.get("RUNBOOK_KILL_SEED", "35"))
FEW, MANY = 2, int(os.environ.get("RUNBOOK_KILLS", "6"))
MIGRATION, BACK = 2, "back"
PATIENCE = 120  # seconds

# All customer tables, without what must differ: times of the migration, and ids drawn by parallel workers.
STATE = {
    "organizations": """
        SELECT md5(string_agg(md5((to_jsonb(o) - 'credits_migrated_at')::text ||
                                  (to_jsonb(o) ->> 'credits_migrated_at' IS NULL)::text), '' ORDER BY id))
        FROM organizations AS o""",
    "organization_credits": """
        SELECT md5(string_agg(md5(to_jsonb(c)::text), '' ORDER BY organization_id)) FROM organization_credits AS c""",
    "credit_actions": """
        SELECT md5(string_agg(md5(CASE action_type WHEN 'migration' THEN to_jsonb(a) - 'id' - 'created_at'
                                  ELSE to_jsonb(a) END::text), '' ORDER BY organization_id, action_type, id))
        FROM credit_actions AS a""",
}
# What no command may leave behind: a copy, a role, a session, a lock, a transaction.
LEFT = """
    SELECT 'database', datname::text FROM pg_database WHERE datname LIKE 'runbook%'
    UNION ALL SELECT 'copy on record', name FROM runbook.copies
    UNION ALL SELECT 'role', rolname FROM pg_roles WHERE rolname LIKE 'runbook%'
    UNION ALL SELECT 'session', application_name FROM pg_stat_activity WHERE application_name LIKE 'runbook%'
    UNION ALL SELECT 'holder', name FROM runbook.holders JOIN pg_stat_activity ON pid = backend
    UNION ALL SELECT 'advisory lock of', pid::text FROM pg_locks WHERE locktype = 'advisory'
    UNION ALL SELECT 'prepared transaction', gid FROM pg_prepared_xacts
"""
MIGRATED = "SELECT COUNT(*) FROM credit_actions WHERE action_type = 'migration'"
COMMANDS: dict[object, tuple[str, ...]] = {one: ("run", "--from", f"{one}", "--to", f"{one}") for one in range(6)}
COMMANDS[MIGRATION] += ("-p", "batch_blocks", "1")  # a dozen batches, where the default makes one
COMMANDS[BACK] = ("rollback", "--to", f"{MIGRATION}")


@pytest.mark.slow
def test_a_few_kills_during_the_migration_end_in_the_undisturbed_state(small):
    Arena(small, [MIGRATION]).fight(range(FEW))


@pytest.mark.long
def test_many_kills_anywhere_end_in_the_undisturbed_state(small):
    Arena(small, list(COMMANDS)).fight(range(FEW, FEW + MANY))


@dataclass(frozen=True)
class Kill:
    """One draw: who is killed, in which leg, and when.

    Attributes:
        cell: how many cells begin before it.
        migrated: how many organizations are migrated before it (0: any).
        delay: seconds from then on.
    """

    number: int
    leg: object
    victim: str
    cell: int
    migrated: int
    delay: float

    @classmethod
    def draw(cls, number: int, legs: dict[object, int]) -> "Kill":
        draw = random.Random(SEED * 1000 + number)
        leg, victim = draw.choice(list(legs)), draw.choice(sorted(VICTIMS))
        in_backfill = leg == MIGRATION and draw.random() < 0.5
        cell, migrated = (0, draw.randrange(600)) if in_backfill else (draw.randrange(legs[leg]), 0)
        return cls(number, leg, victim, cell, migrated, draw.random() * (0.02 if in_backfill else 0.2))


class Arena:
    """The state before each leg and after it, undisturbed: where legs are killed and resumed."""

    def __init__(self, project: Path, legs: list[object]) -> None:
        self.project, self.plan = project, Plan.load(project / "runbook.toml")
        self.environment = self.plan.environment("local")
        self.cells: dict[object, int] = {}
        self.wanted: dict[object, dict[str, object]] = {}
        for leg, command in COMMANDS.items():
            if leg in legs:
                copy(project, self.environment.database, f"before_{leg}", self.environment.owner)
            known = self.folders()
            done = self.runbook(*command)
            assert done.returncode == 0, done.stdout + done.stderr
            if leg in legs:
                self.wanted[leg], self.cells[leg] = self.state(), self.cells_begun(known)
            if leg == legs[-1]:
                break

    def fight(self, draws: range) -> None:
        """Kill and resume once for each draw, and hold the state afterwards against the undisturbed one."""
        tally: Counter[str] = Counter()
        for number in draws:
            kill = Kill.draw(number, self.cells)
            copy(self.project, f"before_{kill.leg}", self.environment.database, self.environment.owner)
            words = self.strike(kill)
            again = COMMANDS[kill.leg] if kill.leg == BACK else ("run", "--resume", *COMMANDS[kill.leg][1:])
            result = self.runbook(*again)
            if "nothing to re" in result.stderr:  # it died before it had begun, or after its end
                tally["nothing to resume"] += 1
                result = self.runbook(*COMMANDS[kill.leg]) if kill.leg != BACK else None
            assert result is None or result.returncode == 0, f"{kill}\n{words}\n{result.stdout}{result.stderr}"
            assert self.state() == self.wanted[kill.leg], kill
            assert self.left() == [], kill
            tally.update([f"task {kill.leg}", kill.victim])
            print(f"{kill} -> {words.splitlines()[-1] if words else 'silence'}")
        print(f"{len(draws)} kills: {dict(sorted(tally.items()))}")

    def strike(self, kill: Kill) -> str:
        """Begin the leg, kill the victim at its moment, and return what the batch said on its error channel."""
        known = self.folders()
        command = [sys.executable, "-m", "runbook", *COMMANDS[kill.leg]]
        with subprocess.Popen(command, cwd=self.project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as batch:
            with psycopg.connect(embedded.provide(self.project, self.environment), autocommit=True) as watch:
                while batch.poll() is None and not self.is_reached(kill, known, watch):
                    time.sleep(0.002 if kill.migrated else 0.01)
            time.sleep(kill.delay)
            if batch.poll() is None:
                VICTIMS[kill.victim](self, batch)
            try:
                _, said = batch.communicate(timeout=PATIENCE)
            finally:
                batch.kill()  # nobody waits for ever for one that hangs
        words = said.decode().strip()
        assert "Traceback" not in words, f"{kill}\n{words}"
        if kill.victim in {"batch, politely", "batch, by Ctrl-C"}:
            assert batch.returncode >= 0, f"{kill}: it did not end by itself"
        return words

    def is_reached(self, kill: Kill, known: set[Path], watch: psycopg.Connection) -> bool:
        """Whether the moment of the kill has come."""
        if not kill.migrated:
            return self.cells_begun(known) > kill.cell
        row = watch.execute(MIGRATED).fetchone()
        return row is not None and row[0] >= kill.migrated

    def cells_begun(self, known: set[Path]) -> int:
        """Return how many cells have begun in the runs that are not known."""
        journals = [folder / "events.jsonl" for folder in self.folders() - known]
        return sum('"event": "cell"' in line for path in journals if path.exists() for line in path.open())

    def folders(self) -> set[Path]:
        """Return the folders of all runs."""
        return set((self.project / "outputs" / "local").glob("*"))

    def runbook(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Give a command."""
        command = [sys.executable, "-m", "runbook", *arguments]
        return subprocess.run(command, cwd=self.project, capture_output=True, text=True, check=False, timeout=PATIENCE)

    def left(self) -> list[str]:
        """Return what a killed command has left on the server and on this machine, a line each."""
        url = embedded.url(embedded.start(self.project), self.environment.database, "postgres")
        with psycopg.connect(url, autocommit=True) as admin:
            found = [f"{kind} {name}" for kind, name in admin.execute(LEFT)]
        for process in psutil.process_iter(["pid", "name"]):
            with suppress(psutil.Error):
                if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(self.project):
                    found.append(f"process {process.pid} {' '.join(process.cmdline())[:80]}")
        return found

    def state(self) -> dict[str, object]:
        """Return the content of all customer tables, the schema, and what the ledger says of the tasks."""
        url = embedded.provide(self.project, self.environment)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET timezone = 'UTC'")
            found: dict[str, object] = {table: connection.execute(query).fetchone() for table, query in STATE.items()}
            ledger = Ledger(connection, self.plan.name)
            found["schema"] = snapshot.schema_dump(Target.at(url))
            found["tasks"] = {number: state.status for number, state in ledger.states().items()}
            found["checks"] = [
                (number, check.name, check.passed)
                for number, state in ledger.states().items()
                for check in ledger.checks(state.run_id, number)
            ]
        return found


def copy(project: Path, source: str, target: str, owner: str) -> None:
    """Make `target` a copy of the database `source`."""
    server = embedded.start(project)
    embedded.drop(server, target)
    with psycopg.connect(embedded.url(server, "postgres", "postgres"), autocommit=True) as admin:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy")
        admin.execute(statement.format(*map(sql.Identifier, (target, source, owner))))


def kill_kernels(_: Arena, batch: subprocess.Popen[bytes]) -> None:
    for child in psutil.Process(batch.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()


def kill_server(_: Arena, batch: subprocess.Popen[bytes]) -> None:
    data = Path(os.environ["RUNBOOK_STATE"]) / "postgres"
    os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)  # pg_ctl stop -m immediate


def cut_connections(arena: Arena, _: subprocess.Popen[bytes]) -> None:
    with psycopg.connect(embedded.provide(arena.project, arena.environment), autocommit=True) as connection:
        connection.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name LIKE 'runbook %'
            """
        )


def fill_disk(_: Arena, batch: subprocess.Popen[bytes]) -> None:
    # From now on no file of the batch, nor of what it starts, grows beyond a page: journal and notebook cannot.
    whole = psutil.Process(batch.pid)
    for process in [whole, *whole.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            process.rlimit(psutil.RLIMIT_FSIZE, (4096, 4096))


VICTIMS = {
    "batch": lambda _, batch: batch.kill(),
    "batch, politely": lambda _, batch: batch.terminate(),
    "batch, by Ctrl-C": lambda _, batch: batch.send_signal(signal.SIGINT),
    "kernels": kill_kernels,
    "server": kill_server,
    "connections": cut_connections,
    "disk": fill_disk,
}
