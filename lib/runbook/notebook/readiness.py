"""Readiness: what must be true of the documents, the scripts and the server before anything is changed."""

import re
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires, version

from runbook.database import poolers, snapshot
from runbook.database.embedded import state_folder
from runbook.database.surroundings import find_surroundings
from runbook.errors import StepFailed
from runbook.notebook.task import TaskSession
from runbook.plan import cells, generated_docs
from runbook.policy import approval_required
from runbook.query.table import Table

GIGABYTE = 1e9
REQUIRED = re.compile(r"[\w.-]+")  # the name at the beginning of a requirement


def documents(task: TaskSession, sections: Mapping[str, Sequence[str]]) -> Table:
    """Review the documents the task has to deliver; see `generated_docs.review`.

    Args:
        task: its deliverables are the documents' names.
        sections: document → headings it must have.

    Returns:
        A row per document: its name, what is wrong with it, whether it is complete.
    """
    wanted = {name: sections.get(name, ()) for name in task.definition.deliverables}
    found = generated_docs.review(task.plan, wanted)
    return Table(
        ["document", "state", "complete"],
        [[name, state, state == generated_docs.COMPLETE] for name, state in found.items()],
    )


def out_of_step(task: TaskSession) -> Table:
    """Return the generated documents that no longer agree with the notebooks, a row each."""
    return Table(["document"], [[path.name] for path in generated_docs.stale_documents(task.plan)])


def rollback_scripts(task: TaskSession) -> Table:
    """Return a row per task of the plan: its rollback script, and whether it is there and holds something."""
    scripts = [one.rollback for one in task.plan.tasks]
    return Table(
        ["script", "present"],
        [[path.name, path.is_file() and bool(path.read_text("utf-8").strip())] for path in scripts],
    )


def concerns(task: TaskSession, raised: Sequence[str]) -> Table:
    """Return what speaks against the migration, a row each: what, and who says it.

    Args:
        task: on the environment concerned; a rejection that stands there is one concern more.
        raised: what the operator was told, a sentence each.
    """
    rows = [[concern, "told to the operator"] for concern in raised]
    if no := approval_required.standing_rejection(task):
        rows.append([no.statement, f"rejected by {no.approver}"])
    return Table(["concern", "said"], rows)


def prepare(task: TaskSession, number: int, name: str) -> None:
    """Make a temporary view or function here that another task's notebook declares, so that both ask the same.

    Args:
        task: in whose session it is made.
        number: of the task whose notebook declares it, in a `%%sql` cell.
        name: of the view or function; what else its cell declares is made with it.

    Raises:
        StepFailed: no cell there declares it.
    """
    notebook = task.plan.task(number).notebook
    heads = (f"TEMP VIEW {name} AS", f"FUNCTION pg_temp.{name}(")
    for cell in cells.read_cells(notebook):
        if cell.magic and cell.magic[0] == "sql" and any(head in cell.body for head in heads):
            task.send(cell.body)
            return
    raise StepFailed(f"No cell of {notebook.name} makes the temporary view or function {name!r}.")


def lacks_of_a_copy(task: TaskSession) -> Table:
    """Return what a copy of the target lacks, a row each: what, why, and what it therefore cannot prove."""
    lacks = find_surroundings(task.connection, task.target.schemas).lacks
    return Table(["what", "why", "not_proven"], [[one.what, one.why, one.unproven] for one in lacks])


def backup(
    task: TaskSession, tables: list[str], beside: list[str], provider_snapshot: str, taken_at: str
) -> snapshot.Backup | None:
    """Back the tables up; if the provider has a snapshot, only record its name and return None.

    Args:
        task: on the target concerned.
        tables: whose rows are kept.
        beside: schemas outside the plan's own whose functions and types the tables may need.
        provider_snapshot: name of what the provider can restore; empty: the tables are dumped.
        taken_at: when it was taken, as the operator says.
    """
    if not provider_snapshot:
        return task.back_up(tables, beside)
    about = {"file": provider_snapshot, "kept_by": "the provider", "taken_at": taken_at, "proven": False}
    task.write("backup", about)
    return None


def free_disk(task: TaskSession, given: float) -> tuple[float | None, str]:
    """Return the free disk of the server in GB, None where nobody knows, and where the figure comes from.

    From inside SQL no disk is seen: an embedded server's is measured here, of any other the operator says it.

    Args:
        task: on the target concerned.
        given: GB, as the operator says; 0 says nothing.
    """
    if task.environment.server == "embedded":
        return shutil.disk_usage(state_folder(task.plan.root)).free / GIGABYTE, "measured"
    return (given, "given by the operator") if given > 0 else (None, "unknown")


def keeps_its_session(task: TaskSession) -> bool:
    """Tell whether the connection stays on one backend while another works; a transaction pooler does not grant it."""
    return poolers.are_sessions(task.connection, task.ledger.connection)


def tools(task: TaskSession) -> Table:
    """Return the tools of this machine, a row each: what is found, and whether it is what the runbook needs.

    Args:
        task: on the target whose server the client programs must fit.
    """
    server = task.connection.info.server_version // 10000
    refusal = _refusal(task)
    rows = [["client programs of PostgreSQL", refusal or f"for server {server}", not refusal]]
    for name in sorted(REQUIRED.findall(text)[0] for text in requires("runbook") or () if "extra ==" not in text):
        rows.append([name, "Python package", _is_installed(name)])
    return Table(["tool", "which", "fits"], rows)


def _is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _refusal(task: TaskSession) -> str:
    """Return what pg_dump says where it does not dump the plan's schema, else an empty text."""
    try:
        task.schema()
    except StepFailed as error:
        return str(error)
    return ""
