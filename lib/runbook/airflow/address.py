"""The address of a target, from an Airflow connection to a libpq URL.

Extras of a connection are for many readers: only what libpq knows, and cannot redirect a run, becomes part of the URL.
"""

from typing import Protocol
from urllib.parse import quote, urlencode

ALLOWED = (
    "channel_binding", "connect_timeout", "gssencmode", "hostaddr", "keepalives", "keepalives_count",
    "keepalives_idle", "keepalives_interval", "krbsrvname", "passfile", "require_auth", "sslcert", "sslcrl",
    "sslkey", "sslmode", "sslnegotiation", "sslrootcert", "target_session_attrs", "tcp_user_timeout",
)  # fmt: skip


class Connection(Protocol):
    """What is read of an Airflow connection."""

    host: str | None
    login: str | None
    password: str | None
    schema: str | None
    port: int | None

    @property
    def extra_dejson(self) -> dict[str, object]:
        """The extras, as a mapping."""


def url_of(connection: Connection) -> str:
    """Return the libpq URL of a connection, with the allowed extras alone.

    Raises:
        ValueError: it names no database; the message holds no secret.
    """
    if not connection.schema:
        raise ValueError("The connection names no database: write it into its field “schema”.")
    login = quote(connection.login or "", safe="")
    if connection.password:
        login += f":{quote(connection.password, safe='')}"
    host = connection.host or ""
    at = f"[{host}]" if ":" in host else quote(host, safe="")  # a folder of sockets, too
    place = f"{at}:{connection.port}" if connection.port else at
    extras = {name: str(value) for name, value in connection.extra_dejson.items() if name in ALLOWED}
    asked = f"?{urlencode(extras, quote_via=quote)}" if extras else ""
    return f"postgresql://{login}{'@' if login else ''}{place}/{quote(connection.schema, safe='')}{asked}"


def left_out(connection: Connection) -> list[str]:
    """Return the names of the extras that no URL takes."""
    return sorted(name for name in connection.extra_dejson if name not in ALLOWED)


def variable_of(fleet: str, target: str) -> str:
    """Return the environment variable in which the runbook looks for a target's address."""
    name = "".join(letter if letter.isalnum() else "_" for letter in f"{fleet}_{target}".upper())
    return f"RUNBOOK_{name}_DATABASE_URL"
