"""A project of Supabase: the platform's set-up, and the demonstration's tables in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.databases import ORGANIZATIONS, Database
from tests.support.project import ROOT
from tests.support.servers import WHEEL, Server, debian, folder

BASELINE = ROOT / "sql" / "baseline"
SUPERUSER, CUSTOMER = "supabase_admin", "postgres"


def set_up(server: Server, settings: dict[str, str]) -> str:
    """Make a server a project with the demonstration's tables in it; return its customer's URL."""
    server.execute([ROOT / "tests" / "supabase.sql"])
    server.login(CUSTOMER)
    with psycopg.connect(server.address(CUSTOMER), autocommit=True) as customer:
        customer.execute("CREATE ROLE organization_user NOLOGIN; GRANT authenticated TO organization_user")
        customer.execute("GRANT organization_user TO postgres")
        schema, auth, rest = (BASELINE / "schema.sql").read_text().partition("CREATE SCHEMA auth;")
        assert auth, "the platform's part of the baseline"
        customer.execute((schema + rest[rest.index("-- Tables") :]).encode())
    server.execute([BASELINE / "data.sql"], CUSTOMER, settings)
    return server.address(CUSTOMER)


class Hosted:
    """Projects for draws, each on a server of its own."""

    def __init__(self, parent: Path, organizations: int = ORGANIZATIONS) -> None:
        self.parent, self.binaries = parent, debian().get(15, WHEEL)
        self.settings = {"runbook.organizations": str(organizations)}
        self._count = 0

    @contextmanager
    def fresh(self) -> Iterator[Database]:
        """Yield a fresh project; its server goes afterwards."""
        self._count += 1
        server = Server(folder(self.parent, f"project_{self._count}"), "secret", self.binaries, SUPERUSER)
        server.initialize()
        with server.running("shared_preload_libraries=pg_stat_statements"):
            yield Database("postgres", set_up(server, self.settings), server.address())
