"""The transport of `%%sql`: a cell reaches the server as it stands, and means what psql would make of it."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

import psycopg
from pgspecial.main import CommandNotFound, PGSpecial
from psycopg.pq import TransactionStatus

from runbook import server_words
from runbook.errors import StepFailed, UsageError
from runbook.query.table import Table

OPEN = {TransactionStatus.INTRANS, TransactionStatus.INERROR}
VOID = 2278  # the type of what a function returns that returns nothing: no table is shown of it
SETTING = "SELECT current_setting(%s, true)"
MARK = b"; SET LOCAL runbook.probe = 'open'"  # gone as soon as the transaction ends


@dataclass
class SqlAnswer:
    """What the server said to one text.

    Attributes:
        tables: one per statement that returned rows, in order.
        tags: the command tags, in order, such as `INSERT 0 5`.
        footers: what a meta-command says under its table.
        notices: what it remarked.
        milliseconds: from sending to the last answer, as the client sees it.
    """

    tables: list[Table] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    footers: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    milliseconds: float = 0.0


@dataclass(frozen=True)
class Persona:
    """Somebody a probe acts as.

    Attributes:
        role: taken by SET LOCAL ROLE; empty keeps the session's own.
        settings: taken by set_config, such as the claims of a token.
    """

    role: str = ""
    settings: tuple[tuple[str, str], ...] = ()


def send_sql(connection: psycopg.Connection, text: str) -> SqlAnswer:
    """Send `text` without touching a character of it; a line that starts with a backslash goes through pgspecial.

    Raises:
        psycopg.Error: the server refused; a transaction the text left open is rolled back.
        StepFailed: a command that starts with a backslash found nothing.
        UsageError: there is no such command.
    """
    answer = SqlAnswer()
    collect = lambda diagnostic: answer.notices.append(  # noqa: E731
        f"{diagnostic.severity}: {server_words.message(diagnostic)}"
    )
    connection.add_notice_handler(collect)
    begun = perf_counter()
    try:
        if _is_meta_command(text):
            _meta_commands(connection, text, answer)
        else:
            cursor = connection.execute(text.encode())
            while True:
                if cursor.description and any(column.type_code != VOID for column in cursor.description):
                    answer.tables.append(Table([column.name for column in cursor.description], cursor.fetchall()))
                if cursor.statusmessage:
                    answer.tags.append(cursor.statusmessage)
                if not cursor.nextset():
                    break
    finally:
        answer.milliseconds = (perf_counter() - begun) * 1000
        connection.remove_notice_handler(collect)
    return answer


def clean_up(connection: psycopg.Connection) -> list[str]:
    """Undo what a cell left behind in the session, a transaction or a role, and say so in a line each."""
    remarks = []
    if connection.info.transaction_status in OPEN:
        connection.execute(b"ROLLBACK")
        remarks.append("The cell ended inside a transaction: rolled back.")
    left = _role(connection)
    if left != "none":
        connection.execute(b"RESET ROLE")
        if _role(connection) != left:  # a login may have a role of its own to return to
            remarks.append(f"The cell left the role {left} set: reset.")
    return remarks


def _role(connection: psycopg.Connection) -> str:
    row = connection.execute(b"SELECT current_setting('role')").fetchone()
    return str(row[0]) if row else "none"


@contextmanager
def rolled_back(connection: psycopg.Connection, persona: Persona, begin: bytes = b"BEGIN") -> Iterator[None]:
    """Act as `persona` in a transaction that is rolled back, whatever happens.

    Raises:
        StepFailed: what was sent has ended the transaction itself, so nothing is known to be rolled back.
    """
    connection.execute(begin + MARK)
    try:
        for name, value in persona.settings:
            connection.execute("SELECT set_config(%s, %s, true)", [name, value])
        if persona.role:
            connection.execute("SELECT set_config('role', %s, true)", [persona.role])
        yield
        if not _is_marked(connection):
            raise StepFailed("The probe ended its own transaction, so what it did may stand: leave out COMMIT.")
    finally:
        connection.execute(b"ROLLBACK")


def mend_json(connection: psycopg.Connection, personas: Iterable[Persona]) -> bool:
    """Set to `{}`, for the session, the JSON of personas that it finds empty; return whether there was any.

    A setting that a transaction has set is empty after it, no longer unset as in a fresh session: a trigger that reads
    JSON from it would fail.
    """
    names = sorted({name for one in personas for name, value in one.settings if value.startswith("{")})
    empty = [name for name in names if connection.execute(SETTING, [name]).fetchone() == ("",)]
    for name in empty:
        connection.execute("SELECT set_config(%s, '{}', false)", [name])
    return bool(empty)


def _is_marked(connection: psycopg.Connection) -> bool:
    """Tell whether the transaction that began with the mark is still open, and no other one after it."""
    if connection.info.transaction_status != TransactionStatus.INTRANS:
        return connection.info.transaction_status in OPEN  # in error: nothing of it can be committed any more
    row = connection.execute(b"SELECT current_setting('runbook.probe', true)").fetchone()
    return row == ("open",)


def step_failure(error: psycopg.Error, text: str) -> StepFailed:
    """Return one sentence for an SQL error: what, where, and the server's own hint."""
    diagnostic = error.diag
    if diagnostic.message_primary is None:
        return StepFailed(
            f"The connection to the target failed: {' '.join(str(error).split())}. Start this cell again."
        )
    first, *more = server_words.sentences(diagnostic, text)
    parts = [f"SQL error {diagnostic.sqlstate}: {first}"]
    if diagnostic.statement_position and text.strip():
        lines = text.rstrip().splitlines()
        line = text.count("\n", 0, int(diagnostic.statement_position) - 1)
        line = min(line, len(lines) - 1)  # what is lacking at the end is missed behind the last line
        parts.append(f"at line {line + 1}: {lines[line].strip()}")
    return StepFailed(" · ".join([*parts, *more]), diagnostic.sqlstate or "")


def as_setting(value: object) -> str:
    """Return a parameter as the text current_setting will give back."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return "{" + ",".join(map(_as_item, value)) + "}"
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _as_item(value: object) -> str:
    """Return an item of a list as an array's literal holds it: what would end or split it stands in quotes."""
    text = as_setting(value)
    is_plain = re.fullmatch(r"[^\s{}\",\\]+", text) and text.upper() != "NULL"
    if value is None or is_plain or isinstance(value, list):
        return "NULL" if value is None else text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_meta_command(text: str) -> bool:
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("--")), "").startswith("\\")


def _meta_commands(connection: psycopg.Connection, text: str, answer: SqlAnswer) -> None:
    for line in filter(None, (line.strip().rstrip(";") for line in text.splitlines())):
        if line.startswith("--"):
            continue
        with connection.cursor() as cursor:
            try:
                results = list(PGSpecial().execute(cursor, line))
            except CommandNotFound:
                raise UsageError(
                    f"The line {line!r} is no command of psql's known here, and SQL needs a cell of its own."
                ) from None
            for title, rows, names, status in results:
                if status and status.startswith("Did not find any relation"):
                    raise StepFailed(f"{line}: {status}")
                if rows is not None and names:
                    cells = [[one.strip() if isinstance(one, str) else one for one in row] for row in rows]
                    answer.tables.append(Table([str(name) for name in names], cells))
                answer.footers.extend(part.rstrip() for part in (title, status) if part)
