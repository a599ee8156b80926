"""Memory: what sessions take for a statement of before and one of after, each in a session of its own."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import psycopg

from runbook.notebook.context import Context
from runbook.query.memory import use_of
from runbook.query.send import Persona, step_failure
from runbook.query.table import Table

COLUMNS = ("statement", "figure", "before", "after", "no_issue")
NOISE = {"held": 1 << 20, "pages": 4, "spilled": 0}  # bytes, pages, pages: so much more nobody notices
LOOKS = 4  # at a statement that seems to take more


def compare_memory(
    task: Context, pairs: Mapping[str, Sequence[str]], *, most: float, persona: str | None = None
) -> Table:
    """Return what each pair of statements takes of the server's memory, a row for each figure.

    Args:
        task: on whose target.
        pairs: name → the statement of before, the one of after.
        most: how many times as much as before it may be, beyond what nobody notices.
        persona: whose settings the sessions have, such as the claims of a token.

    Raises:
        StepFailed: the server refused, such as to a role that may not read statistics (pg_read_all_stats).
    """
    open_session = partial(_open_session, task, task.acting(persona))
    rows = []
    for name, statements in pairs.items():
        before, after = (_use(open_session, statement) for statement in statements)
        limits = {figure: max(before[figure] * most, before[figure] + noise) for figure, noise in NOISE.items()}
        for _ in range(LOOKS - 1):  # the row versions of others only add to it
            if all(after[figure] <= limit for figure, limit in limits.items()):
                break
            again = _use(open_session, statements[1])
            after = {figure: min(value, again[figure]) for figure, value in after.items()}
        task.write(f"memory of {name}", {"old": before, "new": after})
        rows += [[name, figure, before[figure], after[figure], after[figure] <= limits[figure]] for figure in NOISE]
    return Table(COLUMNS, rows)


def _use(open_session: Callable[[], psycopg.Connection], statement: str) -> dict[str, int]:
    try:
        return use_of(open_session, statement.encode()).summary()
    except psycopg.Error as error:
        raise step_failure(error, statement) from None


def _open_session(task: Context, persona: Persona) -> psycopg.Connection:
    """Open a fresh session that can read in SQL what the task's own can, with the settings of a persona."""
    connection = task.target.connect(f"runbook {task.run_id} memory")
    for _, name, value in task.record.settings:
        connection.execute("SELECT set_config(%s, %s, false)", [f"runbook.{name}", value])
    for name, value in persona.settings:
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])
    return connection
