"""The identity of a database: what tells it apart from every other database, even from its own copy."""

from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import Any

import psycopg

ASKED = """
    SELECT {system}::text, oid::bigint, datname::text,
           CASE WHEN pg_is_in_recovery() THEN {timeline}
                ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END,
           host(inet_server_addr()), current_setting('port')
    FROM pg_database WHERE datname = current_database()
"""
# For a role that may call pg_control_system()
OPEN = ASKED.format(
    system="(SELECT system_identifier FROM pg_control_system())",
    timeline="(SELECT timeline_id FROM pg_control_checkpoint())",
)
# For one that may not
CLOSED = ASKED.format(system="NULL", timeline="NULL")


@dataclass(frozen=True)
class Identity:
    """What a database is.

    Attributes:
        system: the system identifier of its cluster, which a physical clone shares; empty where nobody may ask.
        oid: of the database in its cluster.
        database: its name.
        timeline: of the cluster's history; another one after a failover or a restore.
        server: the server's own address and port, as the server says them; `socket` where it was reached by one.
    """

    system: str
    oid: int
    database: str
    timeline: int
    server: str

    def __str__(self) -> str:
        cluster = f"cluster {self.system or 'unknown'}, timeline {self.timeline}"
        return f"database {self.database} ({self.oid}) of {cluster}, at {self.server}"

    def is_same_database(self, other: "Identity") -> bool:
        """Tell whether both are one database, whatever way it was reached."""
        return (self.system, self.oid, self.database) == (other.system, other.oid, other.database)

    def summary(self) -> dict[str, Any]:
        """Return what evidence keeps."""
        return asdict(self)


def ask(connection: psycopg.Connection) -> Identity:
    """Ask a session which database it is in."""
    try:
        row = connection.execute(OPEN).fetchone()
    except psycopg.errors.InsufficientPrivilege:  # a platform may keep it to itself
        row = connection.execute(CLOSED).fetchone()
    assert row is not None
    system, oid, database, timeline, address, port = row
    return Identity(system or "", oid, database, timeline or 0, f"{_place(address)}:{port}")


def _place(address: str | None) -> str:
    if address is None:
        return "socket"
    return "loopback" if ip_address(address).is_loopback else address
