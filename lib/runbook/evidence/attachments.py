"""What lies beside a run's notebooks, so that its folder alone tells the whole story.

The schema before and after, the last injection of all faults, and the deviations from the brief as they stood then.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runbook.changes import schemas
from runbook.database import environments, snapshot
from runbook.database.ledger import UNDONE, Ledger
from runbook.errors import RunbookError
from runbook.evidence import standalone
from runbook.evidence.gate_rows import DELIVERED
from runbook.plan import fingerprint
from runbook.plan.plan import Environment, Plan

DOCUMENTS = "deliverables"
SCHEMA, SCHEMA_BEFORE = "schema.sql", "schema_before.sql"
FAULTS, DEVIATIONS = "faults.json", "DEVIATIONS.md"
ALL = (SCHEMA, SCHEMA_BEFORE, FAULTS, DEVIATIONS)


def is_made_anew(name: str) -> bool:
    """Tell whether every end of a run makes this file of its folder anew, whatever stood there."""
    return name in {*ALL, "report.html", standalone.VERIFIER} or name.startswith(f"{DOCUMENTS}/")


def clear(folder: Path) -> None:
    """Take away what an end makes anew: what it cannot make this time is not taken over."""
    for path in [*(folder / name for name in ALL), *folder.glob(f"{DOCUMENTS}/*")]:
        path.unlink(missing_ok=True)


def schema(
    plan: Plan, environment: Environment, ledger: Ledger, states: dict[int, dict[str, Any]], folder: Path
) -> dict[str, str] | None:
    """Keep the schema as the run found it and as it left it, and return where.

    Args:
        plan: says which schemas.
        environment: where the run was.
        ledger: knows the schema from before each task.
        states: of the run's tasks, by number.
        folder: of the run.

    Returns:
        `file` and `sha256`, and `before`, the name of the other file, where there is one; None where the target cannot
        be asked any more.
    """
    try:
        definition = snapshot.schema_dump(environments.find(plan, environment))
    except RunbookError:
        return None
    (folder / SCHEMA).write_text(definition, encoding="utf-8")
    found = {"file": SCHEMA, "sha256": hashlib.sha256(definition.encode()).hexdigest()}
    forward = [number for number, state in states.items() if state["status"] != UNDONE]
    before = schemas.schema_before(ledger, min(forward)) if forward else None
    if before is not None:
        (folder / SCHEMA_BEFORE).write_text(before, encoding="utf-8")
        found["before"] = SCHEMA_BEFORE
    return found


def fault_injection(plan: Plan, folder: Path) -> dict[str, Any] | None:
    """Keep the newest injection of all faults; return its `file`, `digest` and `counts`, or None: none can be read."""
    records = [
        fingerprint.injection_record(plan, name) for name, one in plan.environments.items() if one.server == "embedded"
    ]
    newest = max((path for path in records if path.is_file()), key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        return None
    try:
        found = json.loads(newest.read_text(encoding="utf-8"))
        about = {"file": FAULTS, "digest": found["digest"], "counts": found["counts"]}
    except (ValueError, KeyError, TypeError):
        return None
    shutil.copyfile(newest, folder / FAULTS)
    return about


def deviations(plan: Plan, folder: Path) -> str | None:
    """Keep the deviations from the brief, and return the file's name; None where none are recorded."""
    source = plan.root / "docs" / DEVIATIONS
    if not source.is_file():
        return None
    shutil.copyfile(source, folder / DEVIATIONS)
    return DEVIATIONS


def keep_documents(folder: Path, number: int, notes: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Keep the documents a task has delivered, and return where: deliverable → `file` and `sha256`.

    Args:
        folder: of the run.
        number: of the task.
        notes: what it wrote down.
    """
    found = {}
    for name, note in notes.items():
        if name.startswith(DELIVERED) and "text" in note:
            file = f"{DOCUMENTS}/{number}_{note['file']}"
            (folder / DOCUMENTS).mkdir(exist_ok=True)
            (folder / file).write_text(note["text"], encoding="utf-8")
            found[name.removeprefix(DELIVERED)] = {"file": file, "sha256": note["sha256"]}
    return found
