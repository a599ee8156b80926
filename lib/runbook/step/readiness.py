"""Readiness: what must be true of the documents, the scripts and the server before anything is changed."""

import shutil
from collections.abc import Mapping, Sequence

import psycopg

from runbook import docs
from runbook.step import authorization
from runbook.step.display import Table
from runbook.step.task import Task
from runbook.target.embedded import state_folder

GIGABYTE = 1e9


def documents(task: Task, sections: Mapping[str, Sequence[str]]) -> Table:
    """Review the documents the task has to deliver; see `runbook.docs.review`.

    Args:
        task: its deliverables are the documents' names.
        sections: document → headings it must have.

    Returns:
        A row per document: its name, what is wrong with it, whether it is complete.
    """
    wanted = {name: sections.get(name, ()) for name in task.definition.deliverables}
    found = docs.review(task.plan, wanted)
    return Table(
        ["document", "state", "complete"], [[name, state, state == docs.COMPLETE] for name, state in found.items()]
    )


def out_of_step(task: Task) -> Table:
    """Return the generated documents that say something else than the notebooks, a row each."""
    return Table(["document"], [[path.name] for path in docs.stale(task.plan)])


def rollback_scripts(task: Task) -> Table:
    """Return a row per task of the plan: its rollback script, and whether it is there and holds something."""
    scripts = [one.rollback for one in task.plan.tasks]
    return Table(
        ["script", "present"],
        [[path.name, path.is_file() and bool(path.read_text("utf-8").strip())] for path in scripts],
    )


def concerns(task: Task, raised: Sequence[str]) -> Table:
    """Return what speaks against the migration, a row each: what, and who says it.

    Args:
        task: on the environment concerned; a rejection that stands there is one concern more.
        raised: what the operator was told, a sentence each.
    """
    rows = [[concern, "told to the operator"] for concern in raised]
    if no := authorization.rejection(task):
        rows.append([no.statement, f"rejected by {no.approver}"])
    return Table(["concern", "said"], rows)


def free_disk(task: Task, given: float) -> tuple[float | None, str]:
    """Return the free disk of the server in GB, None where nobody knows, and where the figure comes from.

    From inside SQL no disk is seen: an embedded server's is measured here, of any other the operator says it.

    Args:
        task: on the target concerned.
        given: GB, as the operator says; 0 says nothing.
    """
    if task.environment.server == "embedded":
        return shutil.disk_usage(state_folder(task.plan.root)).free / GIGABYTE, "measured"
    return (given, "given by the operator") if given > 0 else (None, "unknown")


def keeps_its_session(task: Task) -> bool:
    """Tell whether the connection stays on one backend while another works; a transaction pooler does not grant it."""
    before = _backend(task.connection)
    with task.ledger.connection.transaction():
        other = _backend(task.ledger.connection)  # behind a pooler: the backend that was just set free
        after = _backend(task.connection)
    return before == after != other


def _backend(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])
