"""The tables of the ledger: made from ledger.sql, and every ledger_*.sql beside it, on a target that lacks them.

Each statement there can run again. A ledger that was made by other SQL is brought up to date by running all of it.
"""

import hashlib
from functools import cache
from pathlib import Path

import psycopg

from runbook.errors import UsageError

PATIENCE = "10s"  # what making the ledger waits for a lock
ATTEMPTS = 5
CONCURRENT = (
    psycopg.errors.UniqueViolation,
    psycopg.errors.DuplicateSchema,
    psycopg.errors.DuplicateTable,
    psycopg.errors.DuplicateColumn,
    psycopg.errors.DuplicateObject,
    psycopg.errors.InternalError_,  # "tuple concurrently updated"
    psycopg.errors.DeadlockDetected,
)


def prepare(connection: psycopg.Connection) -> None:
    """Make what is missing of the schema `runbook`, or stands there in another version.

    Raises:
        UsageError: the role may not, an event trigger refuses it, or the target is read-only.
    """
    if connection.execute("SELECT current_setting('transaction_read_only')").fetchone() == ("on",):
        raise UsageError(
            "The runbook cannot keep its ledger here: the target takes no writes. Connect to the primary, "
            "in a session where default_transaction_read_only is off."
        )
    for attempt in range(ATTEMPTS):
        try:
            if is_current(connection):
                return
            _make(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise UsageError(
                f"The runbook cannot keep its ledger here ({error.diag.message_primary}): "
                "connect as a role with CREATE on the database."
            ) from None
        except psycopg.errors.RaiseException as error:
            raise UsageError(
                f"The runbook cannot keep its ledger here: “{error.diag.message_primary}”, says an event trigger. "
                "Let it pass this role, or disable it meanwhile."
            ) from None
        except CONCURRENT:  # another session has made it meanwhile
            if attempt == ATTEMPTS - 1:
                raise


def exists(connection: psycopg.Connection) -> bool:
    """Tell whether the target has a ledger, of whatever version."""
    return connection.execute("SELECT to_regclass('runbook.tasks')").fetchone() != (None,)


def is_current(connection: psycopg.Connection) -> bool:
    """Tell whether the target's ledger was made by the SQL of this version."""
    if connection.execute("SELECT to_regclass('runbook.version')").fetchone() == (None,):
        return False
    return connection.execute("SELECT digest FROM runbook.version").fetchone() == (_version(),)


def _make(connection: psycopg.Connection) -> None:
    """Make it in one transaction; nobody is waited for long."""
    with connection.transaction():
        connection.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
        for source in sources():
            connection.execute(source.read_bytes())
        connection.execute(
            """
            INSERT INTO runbook.version (digest) VALUES (%s)
            ON CONFLICT (single) DO UPDATE SET digest = excluded.digest, at = excluded.at
            """,
            [_version()],
        )


def sources() -> list[Path]:
    """Return the files that make the ledger, in order."""
    folder = Path(__file__).parent
    return [folder / "ledger.sql", *sorted(folder.glob("ledger_*.sql"))]


@cache
def _version() -> str:
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources())).hexdigest()
