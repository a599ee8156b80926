"""Databases for draws: a small baseline, prepared once as a template, and a fresh copy of it for every draw."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from runbook.database import embedded
from runbook.plan.plan import Environment, Plan

ORGANIZATIONS = 200
TEMPLATE = "draw_template"
SWITCH = re.compile(r"^[ \t]*-- as (the superuser|the owner)\s*$", re.MULTILINE)
# No disk is lost with a machine here, and nobody waits for one.
CARELESS = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")

# What belongs to the cluster, by kind: the statement that takes it away. Later kinds may hang on earlier ones.
CLUSTER = {
    "settings": """
        SELECT format('ALTER ROLE %s RESET ALL', setrole::REGROLE)
        FROM pg_db_role_setting WHERE setdatabase = 0 AND setrole <> 0
    """,
    "members": """
        SELECT format('REVOKE %s FROM %s GRANTED BY %s CASCADE', roleid::REGROLE, member::REGROLE, grantor::REGROLE)
        FROM pg_auth_members
    """,
    "attributes": """
        SELECT format('ALTER ROLE %I %s', rolname, concat_ws(' ',
            CASE WHEN rolsuper THEN 'NOSUPERUSER' END, CASE WHEN rolbypassrls THEN 'NOBYPASSRLS' END,
            CASE WHEN rolcreaterole THEN 'NOCREATEROLE' END, CASE WHEN NOT rolinherit THEN 'INHERIT' END))
        FROM pg_roles WHERE rolname !~ '^pg_'
            AND (rolsuper OR rolbypassrls OR rolcreaterole OR NOT rolinherit)
    """,
    "slots": "SELECT format('SELECT pg_drop_replication_slot(%L)', slot_name) FROM pg_replication_slots",
    "tablespaces": "SELECT format('DROP TABLESPACE %I', spcname) FROM pg_tablespace",
    "roles": "SELECT format('DROP ROLE %I', rolname) FROM pg_roles",
}


@dataclass(frozen=True)
class Database:
    """A database of a draw.

    Attributes:
        owner: libpq URL of the migration's role there.
        superuser: libpq URL of the server's superuser there.
    """

    name: str
    owner: str
    superuser: str

    def apply(self, text: str) -> None:
        """Execute SQL as the owner; a line `-- as the superuser` or `-- as the owner` changes who goes on."""
        parts = SWITCH.split(text)
        for who, part in zip(["the owner", *parts[1::2]], parts[::2], strict=True):
            if part.strip():
                url = self.superuser if who == "the superuser" else self.owner
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(part.encode())


class Databases:
    """The embedded server of this process (RUNBOOK_STATE says which), and the databases of its draws."""

    def __init__(self, root: Path, organizations: int = ORGANIZATIONS) -> None:
        environment = Plan.load(root / "runbook.toml").environment("local")
        self.server = embedded.start(root)
        self.admin = embedded.url(self.server, "postgres", "postgres")
        sizes = environment.baseline.settings | {"runbook.organizations": str(organizations)}
        self.environment: Environment = replace(environment, baseline=replace(environment.baseline, settings=sizes))
        self._count = 0
        with psycopg.connect(self.admin, autocommit=True) as connection:
            for setting in CARELESS:
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
            connection.execute("SELECT pg_reload_conf()")
        embedded.drop(self.server, TEMPLATE)
        embedded.fill(self.server, self.environment, TEMPLATE)
        self._cluster = self._of_the_cluster()
        self._roles = self._names_of_roles()

    @contextmanager
    def fresh(self) -> Iterator[Database]:
        """Yield a fresh database; it goes afterwards, and so does what a shape did to the cluster."""
        self._count += 1
        name = f"draw_{os.getpid()}_{self._count}"
        with psycopg.connect(self.admin, autocommit=True) as connection:
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
            owner = sql.Identifier(self.environment.owner)
            connection.execute(copy.format(sql.Identifier(name), sql.Identifier(TEMPLATE), owner))
            for role, settings in connection.execute(
                "SELECT setrole::REGROLE::TEXT, setconfig FROM pg_db_role_setting JOIN pg_database ON oid = setdatabase"
                " WHERE datname = %s AND setrole <> 0",
                [TEMPLATE],
            ).fetchall():
                for setting, _, value in (each.partition("=") for each in settings):
                    words = f"ALTER ROLE {role} IN DATABASE {name} SET {setting} = {value}"
                    connection.execute(words.encode())
        try:
            yield Database(
                name,
                make_conninfo(self.admin, dbname=name, user=self.environment.owner),
                make_conninfo(self.admin, dbname=name),
            )
        finally:
            embedded.drop(self.server, name)
            self._restore_cluster()

    def _of_the_cluster(self) -> dict[str, set[str]]:
        """Return the statements that take away each thing that belongs to the cluster and not to a database."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            return {kind: {row[0] for row in connection.execute(query)} for kind, query in CLUSTER.items()}

    def _names_of_roles(self) -> dict[int, str]:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            return dict(connection.execute("SELECT oid, rolname FROM pg_roles WHERE rolname !~ '^pg_'").fetchall())

    def _restore_cluster(self) -> None:
        """Take away what a shape has added to the cluster, and give the baseline's roles names and attributes back."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            for oid, name in self._names_of_roles().items():
                was = self._roles.get(oid, name)
                if was != name:
                    rename = sql.SQL("ALTER ROLE {} RENAME TO {}")
                    connection.execute(rename.format(sql.Identifier(name), sql.Identifier(was)))
        found = self._of_the_cluster()
        added = [statement for kind in CLUSTER for statement in sorted(found[kind] - self._cluster[kind])]
        with psycopg.connect(self.admin, autocommit=True) as connection:
            for statement in added:
                connection.execute(statement.encode())
            if found != self._cluster:
                for file in self.environment.baseline.cluster:
                    connection.execute(file.read_bytes())
