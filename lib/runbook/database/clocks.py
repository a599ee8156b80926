"""The clocks: what was last is told by the time, here and on the target, so neither may have been turned back."""

import psycopg

from runbook.errors import TryAgain

LAST = r"""
    SELECT (SELECT max(run_id COLLATE "C") FROM runbook.runs WHERE run_id ~ '^\d{8}T\d{6}\.\d{3}Z$'),
           (SELECT max(started_at) FROM runbook.tasks), clock_timestamp()
"""


def require_forward(connection: psycopg.Connection, run_id: str) -> None:
    """Make sure that a run, named by the moment it begins, comes after all that the ledger knows.

    Raises:
        TryAgain: a clock stands before what was done already.
    """
    row = connection.execute(LAST).fetchone()
    assert row is not None
    newest, started, now = row
    if newest and newest >= run_id:
        raise TryAgain(
            f"The clock of this machine says {run_id}, but run {newest} was before: set it right, or wait until then."
        )
    if started and started > now:
        raise TryAgain(
            f"The clock of the target's server says {now:%Y-%m-%d %H:%M:%S}, but its last task began at "
            f"{started:%Y-%m-%d %H:%M:%S}: have it set right, or wait until then."
        )
