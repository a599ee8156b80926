"""The end of a rollback: what the task made is dropped, and what others have changed since is left and listed."""

from IPython.display import display

from runbook.changes import drops, objects, obstacles, record, schemas, three_way
from runbook.changes.three_way import LeftAlone, NotGivenBack
from runbook.database import ledger, lock
from runbook.database.records import Check
from runbook.errors import GateShut, NotAllowed
from runbook.evidence.gate_rows import ADVICE
from runbook.formatting import amount
from runbook.notebook import recording
from runbook.notebook.context import Context
from runbook.query import lock_retry
from runbook.query.send import SqlAnswer
from runbook.query.table import Table, show_verdict

GIVEN_BACK = "everything of this task is given back"
EXPECTED = "as before, but for what others changed since"
DROPPED = "dropped"  # the note of the statements
MOST_LINES = 12  # of a difference, in a message


def require_free_way(task: Context) -> None:
    """Make sure that no object of others prevents a task from being reversed.

    Raises:
        NotAllowed: something does; the message lists everything, each with what clears it.
    """
    number, connection = task.definition.number, task.connection
    before = schemas.objects_before(task.ledger, number) or {}
    found = obstacles.find_obstacles(
        connection, task.plan.name, (number,), before, objects.find_objects(connection)
    ).lines()
    if found:
        listed = "\n".join(f"  {line}" for line in found)
        raise NotAllowed(
            f"Task {number} cannot be reversed, nothing was changed. What others made or changed since blocks it:\n"
            f"{listed}\nClear it, then `runbook rollback --environment {task.environment.name} --to {number}`; "
            "`--with-dependents` saves what hangs on it and drops it."
        )


def drop_made(task: Context, text: str = "") -> SqlAnswer:
    """Send SQL and drop what the task has made, as far as it still exists, in one transaction.

    Returns:
        What the server said to the SQL, and the statements that dropped something, as a last table.

    Raises:
        StepFailed: something of others hangs on it, or a lock could not be had.
    """
    plan, number, done = task.plan.name, task.definition.number, list[str]()

    def drop() -> None:
        done[:] = drops.drop_made(task.connection, plan, number)

    answer = lock_retry.retry_while_locked(
        task.connection, lambda: recording.apply(task, task.ledger, number, text, drop)
    )
    answer.tables.append(Table(["dropped"], [[statement] for statement in done]))
    task.write(DROPPED, done)
    return answer


def conclude_rollback(task: Context) -> None:
    """Prove that a reversed task left nothing of itself, and list what others have changed since.

    The schema is what it was before the task, to the byte; or what differs is others' work, object by object.

    Raises:
        GateShut: something is not given back.
    """
    number, connection = task.definition.number, task.connection
    leftover = record.recorded(connection, task.plan.name, (number,))
    now = objects.find_objects(connection)
    lacking = three_way.not_given_back(leftover, now, {one.address for one in now.values()})
    before = schemas.objects_before(task.ledger, number)
    left = three_way.left_alone(before, now, {}, {one.name for one in lacking}) if before is not None else []
    was, is_now = schemas.schema_before(task.ledger, number), task.schema()
    if not lacking and not left and was is not None and not schemas.is_same(was, is_now):
        lacking = [three_way.not_as_before("the schema", was, is_now)]
    found = _found(lacking, left, is_known=before is not None)
    _remember(task, lacking, left, found)
    display(show_verdict(not lacking, GIVEN_BACK, EXPECTED, found, []))
    print("\n".join(map(str, left)))
    if lacking:
        named = "\n".join("\n".join([one.name, *one.diff[:MOST_LINES]]) for one in lacking)
        again = f"runbook rollback --environment {task.environment.name} --to {number}"
        said = f"Rollback of Task {number}: {amount(len(lacking), 'object')} of this task not given back.\n{named}\n"
        words = f"give back what stands above, or mend {task.definition.rollback.name}, and `{again}`."
        task.write(ADVICE, words)
        raise GateShut(said, advice=words)


def _remember(task: Context, lacking: list[NotGivenBack], left: list[LeftAlone], found: str) -> None:
    """Write the verdict, what was left and what is missing into the ledger; give the lock back."""
    number = task.definition.number
    task.ledger.record(task.run_id, number, Check(GIVEN_BACK, EXPECTED, found, not lacking))
    task.write("left as it is", [{"object": one.name, "by others": one.what} for one in left])
    if lacking:
        task.write("not given back", [{"object": one.name, "difference": "\n".join(one.diff)} for one in lacking])
    else:
        record.forget(task.ledger.connection, task.plan.name, number)
    task.ledger.finish_task(task.run_id, number, "failed" if lacking else ledger.UNDONE)
    lock.release(task.ledger.connection, task.plan.name)


def _found(lacking: list[NotGivenBack], left: list[LeftAlone], *, is_known: bool) -> str:
    if lacking:
        return f"{amount(len(lacking), 'object')} not"
    if not is_known:
        return "nothing of it stands; what it was before nobody has written down"
    return f"all but {amount(len(left), 'object')} of others, left alone" if left else "equal to the byte"
