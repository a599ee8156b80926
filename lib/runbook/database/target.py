"""The target: a database the runbook works on, handed on to whoever opens a session there.

Nothing else leads anywhere: no variable, no state of a module. A copy beside a target is a target as well.
"""

from dataclasses import dataclass, replace

import psycopg

from runbook.database import poolers, schema_names, settings, target_identity
from runbook.database.address import Address, looked_up
from runbook.database.target_identity import Identity
from runbook.errors import StepFailed

OLDEST_SERVER = 150000


class TooOld(Exception):
    """The server is older than the runbook knows."""


class NoSession(Exception):
    """A connection is no session of its own: it and others take turns on processes of the server."""


@dataclass(frozen=True)
class Target:
    """A database, and what its sessions begin from.

    Attributes:
        address: of the very server that was reached first.
        schemas: where its sessions look for names first.
        written: how the plan names them, where they have other names here.
        identity: which database it is; every session must be in it.
        is_copy: whether it is a copy beside an environment's own database, which nobody misses.
    """

    address: Address
    schemas: tuple[str, ...]
    identity: Identity
    is_copy: bool = False
    written: tuple[str, ...] = ()

    @classmethod
    def reached(
        cls, address: Address, schemas: tuple[str, ...] = ("public",), written: tuple[str, ...] = ()
    ) -> "Target":
        """Look which database an address leads to, once, and return it as the target.

        Args:
            address: of its server.
            schemas: where its sessions look for names first.
            written: how the plan names them, where they have other names here.

        Raises:
            psycopg.OperationalError: the server cannot be reached, or refuses.
            TooOld: it is older than the runbook knows.
            NoSession: it is reached through a pooler that lends a process for a transaction only. Nothing was set
                there, where a customer would come upon it.
        """
        with address.open("runbook") as connection:
            if connection.info.server_version < OLDEST_SERVER:
                version = connection.info.parameter_status("server_version")
                raise TooOld(f"runs PostgreSQL {version}; the runbook needs {OLDEST_SERVER // 10000} or newer")
            if poolers.backend(connection) != connection.info.backend_pid:
                with address.open("runbook") as other:
                    if not poolers.are_sessions(connection, other):
                        raise NoSession(str(connection.info.port))
            settings.settle(connection, schemas)
            return cls(address.pinned(connection), schemas, target_identity.ask(connection), written=written)

    @classmethod
    def at(cls, url: str, *schemas: str) -> "Target":
        """Return the database of a libpq URL as a target that belongs to no environment."""
        return cls.reached(looked_up(url), schemas or ("public",))

    def connect(self, application_name: str) -> psycopg.Connection:
        """Open a session: autocommit, settled, and proven to be in this very database.

        Args:
            application_name: how it shows in pg_stat_activity.

        Raises:
            psycopg.OperationalError: the server cannot be reached, or refuses.
            StepFailed: it is in another database.
        """
        connection = self.address.open(application_name)
        try:
            settings.settle(connection, self.schemas)
            if names := self.names_here:
                schema_names.rename(connection, names)
            found = target_identity.ask(connection)
            if not found.is_same_database(self.identity):
                raise StepFailed(f"The address led to another database: {found}, where {self.identity} was meant.")
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def names_here(self) -> dict[str, str]:
        """This target's name of each of the plan's schemas that has another one here."""
        return {name: here for name, here in zip(self.written, self.schemas, strict=False) if name != here}

    def copy(self, database: str, oid: int) -> "Target":
        """Return a database beside this one, which is its copy."""
        where = replace(self.identity, database=database, oid=oid)
        return replace(self, address=self.address.beside(database), identity=where, is_copy=True)
