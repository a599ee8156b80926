"""Recording: what a cell makes, changes and drops is written down in the same transaction."""

import re
from collections.abc import Callable

from runbook.changes import objects, record
from runbook.database.ledger import Ledger
from runbook.query import concurrent_indexes
from runbook.query.send import SqlAnswer
from runbook.query.sql_session import SqlSession
from runbook.query.table import Table

# Comments and quoted text, whichever comes first: in neither does a word command anything.
ASIDE = re.compile(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.DOTALL)
WORD = re.compile(r"\w+")
CHANGES = re.compile(
    r"\b(CREATE|ALTER|DROP|GRANT|REVOKE|COMMENT|SECURITY|IMPORT|REASSIGN|INTO|DO|CALL)\b", re.IGNORECASE
)
CONTROLS = re.compile(r"(?:^|;)\s*(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|PREPARE\s+TRANSACTION)\b", re.IGNORECASE)


def apply(
    session: SqlSession, ledger: Ledger, number: int, text: str, then: Callable[[], None] | None = None
) -> SqlAnswer:
    """Send SQL for a task, and do what comes then in the same transaction; see `Context.apply`."""
    bare = ASIDE.sub(" ", text)
    if then is None and not CHANGES.search(bare) and not CONTROLS.search(bare):
        try:
            return session.send(text, lambda: _require_no_change(session))
        except ChangedUnseen:  # a function it calls does: done again, with what stood before known
            pass
    before, written = objects.find_objects(session.connection), False

    def write() -> None:
        nonlocal written
        if then is not None:
            then()
        record.record_transaction(session.connection, ledger.plan, number, before)
        written = True

    try:
        return session.send(text, None if CONTROLS.search(bare) else write)
    finally:
        if not written and not session.connection.closed:  # it runs in transactions of its own, or in none
            _compare(session, ledger, number, before, text)


class ChangedUnseen(Exception):
    """SQL has changed the schema although its text did not look like it; it is rolled back."""


def _require_no_change(session: SqlSession) -> None:
    if objects.find_written(session.connection).objects:
        session.connection.execute(b"ROLLBACK")
        raise ChangedUnseen


def concurrently(
    session: SqlSession, ledger: Ledger, number: int, text: str, carry_out: Callable[[str], Table]
) -> Table:
    """Build and drop indexes for a task; see `Context.concurrently`.

    An index that is about to be built is written down first: whoever is killed meanwhile leaves it behind, half built.
    """
    before = objects.find_objects(session.connection)
    for name, statement in concurrent_indexes.to_be_built(session.connection, text).items():
        about = objects.Object("index", name, "", statement, record.NOWHERE)
        record.record_changes(ledger.connection, ledger.plan, number, {}, {about.name: about})
    try:
        return carry_out(text)
    finally:
        if not session.connection.closed:
            _compare(session, ledger, number, before, text)


def _compare(session: SqlSession, ledger: Ledger, number: int, before: objects.Objects, text: str) -> None:
    """Write down the changes to the objects the text names; others may change further objects at the same time."""
    after = objects.find_objects(session.connection)
    named = {word.lower() for word in WORD.findall(text)}
    found = {
        name: one
        for name, one in record.difference(before, after).items()
        if named.intersection(word.lower() for word in WORD.findall(name.rpartition(".")[2]))
    }
    pending = record.recorded(ledger.connection, ledger.plan, (number,))
    found |= {one.name: after.get(one.name) for one in pending if one.address == record.NOWHERE}
    record.record_changes(ledger.connection, ledger.plan, number, before, found)  # the session may only read
