"""Supabase's own advisors, as its CLI brings them, on a database that all the notebooks have migrated."""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from runbook.database import embedded
from runbook.database.ledger import Ledger
from runbook.plan.plan import Plan
from tests import linters
from tests.support.migrated import migrate

DATABASE = "advised"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def advised(plan: Plan, state: Path) -> Iterator[str]:
    """Yield the URL of a small database after every task."""
    local, server = plan.environment("local"), embedded.start(plan.root)
    settings = {"runbook.organizations": "50", "runbook.actions_per_organization": "5"}
    embedded.drop(server, DATABASE)
    embedded.fill(server, replace(local, baseline=replace(local.baseline, settings=settings)), DATABASE)
    url = embedded.url(server, DATABASE, local.owner)
    with psycopg.connect(url, autocommit=True) as owner:
        Ledger(owner, plan.name).prepare()
        for task in plan.tasks:
            migrate(owner, task.notebook)
    yield url
    embedded.drop(server, DATABASE)


def pump(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def port(advised: str) -> Iterator[int]:
    """Serve the server's local socket on loopback: the CLI speaks TCP only."""
    place = Path(str(conninfo_to_dict(advised)["host"])) / ".s.PGSQL.5432"

    class Through(BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(str(place))
                back = threading.Thread(target=pump, args=(server, self.request), daemon=True)
                back.start()
                pump(self.request, server)
                back.join()

    with ThreadingTCPServer(("127.0.0.1", 0), Through) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield listener.server_address[1]
        listener.shutdown()


@pytest.fixture(scope="module")
def advise(npm: dict[str, str], port: int, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], set[str]]:
    """Ask the advisors for whatever is worth a warning."""
    home = tmp_path_factory.mktemp("advisors")
    url = f"postgresql://guardian:none@127.0.0.1:{port}/{DATABASE}?sslmode=disable"
    command = ["npx", "supabase@3", "db", "advisors", f"--remote={url}", "--level", "warn", "--output", "json"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "SUPABASE_TELEMETRY_DISABLED": "1", **npm}

    def asked() -> set[str]:
        done = subprocess.run(
            [*command, "--fail-on", "none"],
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return {one["detail"] for one in json.loads(done.stdout[done.stdout.index("[") :])}

    return asked


def test_they_find_nothing_that_has_no_reason(advise: Callable[[], set[str]]) -> None:
    assert advise() == set(linters.ADVISORS)


def test_they_do_find_the_view_as_the_brief_has_it(advise: Callable[[], set[str]], advised: str) -> None:
    with psycopg.connect(advised, autocommit=True) as owner:
        owner.execute("ALTER VIEW organization_credit_summary RESET (security_invoker)")
        found = advise() - set(linters.ADVISORS)
        owner.execute("ALTER VIEW organization_credit_summary SET (security_invoker)")
    assert len(found) == 1
    assert "organization_credit_summary" in found.pop()
