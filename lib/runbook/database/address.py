"""Addresses: where a database is, with every option that libpq would otherwise look up elsewhere.

libpq adds to what a URL says: variables (`PGHOSTADDR`, `PGOPTIONS`, `PGSERVICE` …), a service file, a password file.
For the operator's own target that is what they mean, so it is looked up, once. From then on every session and every
client program is told all of it, and nothing is left for a variable to say.
"""

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import psycopg
from psycopg import pq
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from runbook import server_words
from runbook.database import times

Result = TypeVar("Result")

# A server that vanishes without a word is missed within a minute, not after the two hours systems wait; and a long
# statement looks alive to whatever lies between. What the URL says itself counts.
ALIVE = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
# What an option means that nobody gave, where libpq takes no empty text for it and names no default.
NEUTRAL = {
    "sslcertmode": "allow",
    "require_auth": "!sspi",  # which there is on Windows only
    "min_protocol_version": "3.0",
    "max_protocol_version": "3.0",
}
PROGRAM = "runbook program"  # how a client program's session shows in pg_stat_activity
# What no program's arguments, log or message may hold: what libpq itself hides, and keys that do for a password.
SECRET = {
    one.keyword.decode(): (one.envvar or b"").decode()
    for one in pq.Conninfo.get_defaults()
    if one.dispchar == b"*" or one.keyword in {b"scram_client_key", b"scram_server_key"}
}
ASIDE = {"service", "servicefile"}  # said by what they stand for
REFUSED = ("gssencmode", "nobody's")  # refused by libpq before it connects, but after it has looked everything up
_CHANGING = threading.Lock()


@dataclass(frozen=True)
class Address:
    """A database, and how to reach it.

    Attributes:
        options: libpq's connection options, by keyword; what is not there has libpq's own default.
    """

    options: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Address({make_conninfo(**self._shown())!r})"

    @property
    def database(self) -> str:
        """The database's name."""
        return self.options["dbname"]

    @property
    def conninfo(self) -> str:
        """What is not libpq's default, as libpq reads it, secrets included."""
        return make_conninfo(**dict(self.options))

    def beside(self, database: str) -> "Address":
        """Return the address of another database on the same server, for the same user."""
        return Address({**self.options, "dbname": database})

    def of_user(self, user: str) -> "Address":
        """Return the address of the same database for another user."""
        return Address({**self.options, "user": user})

    def pinned(self, connection: psycopg.Connection) -> "Address":
        """Return this address narrowed to the very server a connection of it has reached."""
        info = connection.info
        reached = {"host": info.host, "hostaddr": info.hostaddr, "port": str(info.port), "user": info.user}
        return Address({**self.options, **reached, "dbname": info.dbname, "password": info.password})

    def open(self, application_name: str, **options: Any) -> psycopg.Connection:
        """Open an autocommit connection; no variable of libpq's has a say in it.

        Args:
            application_name: how it shows in pg_stat_activity.
            **options: libpq's, beside those of the address.

        Raises:
            psycopg.OperationalError: the server cannot be reached, or refuses.
        """
        with _deaf_to_service():
            connection = _Connection.connect(
                **{**self._whole(), **options, "application_name": application_name},
                autocommit=True,
                prepare_threshold=None,  # statements go as psql sends them, none prepared unasked
            )
        times.read_all(connection)
        return connection

    def for_program(self, **options: str) -> tuple[str, dict[str, str]]:
        """Return how a client program is told of it: its `--dbname`, and its whole environment.

        No secret stands in the first, which everybody on this machine can read. On the server its session bears a name
        of ours, since one that has just ended is to be seen there a moment longer.
        """
        told = {**self._shown(), **options, "application_name": PROGRAM}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        environment |= {
            variable: self.options[name] for name, variable in SECRET.items() if variable and self.options.get(name)
        }
        return make_conninfo(**told), environment

    def redact(self, text: str) -> str:
        """Return `text` on one line, without a secret of this address or a password in any URL."""
        for name in SECRET:
            if secret := self.options.get(name):
                text = text.replace(secret, "…")
        text = re.sub(r"(://[^/\s:@]*):[^@\s]*@", r"\1:…@", text)
        return " ".join(text.split())

    def _shown(self) -> dict[str, str]:
        return {name: value for name, value in self.options.items() if name not in SECRET}

    def _whole(self) -> dict[str, str]:
        """Return the options, and whatever a variable says besides put to its default."""
        said = {keyword for keyword, variable in _variables().items() if variable in os.environ}
        return {**{name: value for name, value in _defaults().items() if name in said}, **ALIVE, **self.options}


class _Connection(psycopg.Connection[TupleRow]):
    """A connection whose errors say no more than may be repeated, wherever they are raised and however printed."""

    def wait(self, gen: PQGen[Result], *given: Any, **named: Any) -> Result:
        """Wait for the server, as every statement and every end of a transaction does."""
        try:
            return super().wait(gen, *given, **named)
        except psycopg.Error as error:
            if server_words.are_withheld() and error.diag.message_primary:
                error.args = (" · ".join(server_words.sentences(error.diag)),)
            raise


def looked_up(url: str) -> Address:
    """Return the address a libpq URL means for its operator: variables, service file and password file included.

    libpq itself says what it would connect to; it is kept from connecting by an option it must refuse.

    Raises:
        psycopg.ProgrammingError: it is no libpq URL.
        psycopg.OperationalError: the service is not defined, or its file cannot be read.
    """
    said = conninfo_to_dict(url)
    refused, nonsense = REFUSED
    with _CHANGING:
        asked = pq.PGconn.connect_start(make_conninfo(url, **{refused: nonsense}).encode())
    found = {option.keyword.decode(): option.val.decode() for option in asked.info if option.val}
    complaint = asked.error_message.decode(errors="replace")
    password = asked.password.decode() if refused in complaint else ""
    asked.finish()
    if refused not in complaint:
        raise psycopg.OperationalError(complaint.strip())
    encryption = said.get(refused) or os.environ.get("PGGSSENCMODE") or _defaults()[refused]
    found |= {refused: str(encryption), "dbname": found.get("dbname") or found["user"]}
    if password:
        found["password"] = password
    return Address(
        {name: value for name, value in found.items() if name not in ASIDE and value != _defaults().get(name)}
    )


@cache
def _defaults() -> dict[str, str]:
    """Return what every option that has a variable is by default; empty where nothing is."""
    compiled = {one.keyword.decode(): (one.compiled or b"").decode() for one in pq.Conninfo.get_defaults()}
    return {name: NEUTRAL.get(name, compiled[name]) for name in _variables()}


@cache
def _variables() -> dict[str, str]:
    known = pq.Conninfo.get_defaults()
    return {
        one.keyword.decode(): one.envvar.decode() for one in known if one.envvar and one.keyword.decode() not in ASIDE
    }


@contextmanager
def _deaf_to_service() -> Iterator[None]:
    """Hide PGSERVICE: libpq looks for its entry even where nothing is left for it to say, and fails without one."""
    if "PGSERVICE" not in os.environ:
        yield
        return
    with _CHANGING:
        name = os.environ.pop("PGSERVICE")
        try:
            yield
        finally:
            os.environ["PGSERVICE"] = name
