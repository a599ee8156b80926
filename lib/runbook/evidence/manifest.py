"""Evidence: the folder a run leaves, and its manifest, which is written from the ledger alone."""

import json
import platform
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from runbook.database import approvals, environments, seals, target_identity
from runbook.database.claims import Shown
from runbook.database.ledger import UNDONE, Ledger
from runbook.database.target_identity import Identity
from runbook.evidence import attachments, standalone
from runbook.evidence.gate_rows import ADVICE, COMPLETION, DELIVERED, gate_rows
from runbook.evidence.outcome import outcome_of
from runbook.plan.plan import Environment, Plan, Task
from runbook.query import redaction

MANIFEST = "manifest.json"
JOURNAL = "events.jsonl"
NO_DOCUMENT = {"file": None, "sha256": None}
VERSION = 2  # of the manifest; what changed since 1 is said where it is read
LARGEST = 1 << 23  # bytes of a manifest that is read; those of real runs have a fiftieth of it
PACKAGES = (
    "runbook",
    "papermill",
    "nbval",
    "ipython-sql",
    "psycopg",
    "sqlalchemy",
    "pandas",
    "matplotlib",
    "jupyterlab",
)


def make_folder(plan: Plan, environment: Environment, run_id: str) -> Path:
    """Return the folder of a run, made if need be."""
    folder = plan.outputs / environment.name / run_id
    folder.mkdir(parents=True, exist_ok=True)
    if environment.protected:  # what is shown there is for nobody else on this machine
        for one in (folder.parent, folder):
            one.chmod(0o700)
    return folder


def latest_run(plan: Plan, environment: Environment | None = None) -> Path | None:
    """Return the folder of the newest run that left a manifest, or None."""
    pattern = f"{environment.name if environment else '**'}/*/{MANIFEST}"
    manifests = sorted((plan.outputs).glob(pattern), key=lambda path: path.parent.name)
    return manifests[-1].parent if manifests else None


def latest_migration(plan: Plan, environment: Environment) -> Path | None:
    """Return the folder of the newest run or rollback that left a manifest, or None: a finish changes nothing of it."""
    for path in sorted((plan.outputs).glob(f"{environment.name}/*/{MANIFEST}"), reverse=True):
        try:
            is_finish = "final" in read_manifest(path.parent)
        except ValueError:  # damaged: whoever reads it says so
            is_finish = False
        if not is_finish:
            return path.parent
    return None


def shown_target(plan: Plan, environment: Environment) -> Shown | None:
    """Return which database the newest run of an environment was on, as its evidence says; None where none does."""
    folder = latest_run(plan, environment)
    try:
        found = read_manifest(folder) if folder else {}
        return Shown(Identity(**found["target"]), datetime.fromisoformat(found["finished_at"]))
    except (KeyError, TypeError, ValueError):  # made before that was kept, or damaged: whoever verifies it says so
        return None


def misplaced(folder: Path, manifest: dict[str, Any], environment: Environment) -> Iterator[str]:
    """Yield how evidence in `outputs/` is not that of the environment and run whose place it has."""
    if manifest["environment"] != environment.name:
        yield f"the evidence in {folder.name} is of {manifest['environment']!r}, not of {environment.name!r}"
    if manifest["run_id"] != folder.name:
        yield f"the evidence in {folder.name} is of another run, {manifest['run_id']}"


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest in a run's folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, too large or nested too deep; a key stands there twice.
    """
    path = folder / MANIFEST
    if not path.exists():
        raise FileNotFoundError(path)
    found: dict[str, Any] = standalone.strict(path, LARGEST)
    return found


def write_manifest(folder: Path, manifest: dict[str, Any]) -> Path:
    """Write a manifest."""
    path = folder / MANIFEST
    write_whole(path, json.dumps(as_json(manifest), indent=1, ensure_ascii=False) + "\n")
    return path


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all: if the process is killed meanwhile, the former file stays."""
    draft = path.with_name(f"{path.name}.tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def as_json(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest as a reader of its file gets it: moments as ISO 8601, tuples as lists."""
    found: dict[str, Any] = json.loads(json.dumps(manifest, default=_plain))
    return found


def build_manifest(
    plan: Plan, environment: Environment, ledger: Ledger, run_id: str, folder: Path, status: str
) -> dict[str, Any]:
    """Return what the ledger knows about a run, with the digests of its notebooks; see README for the fields.

    Args:
        plan: of the run.
        environment: where it was.
        ledger: of the target.
        run_id: of the run.
        folder: of the run.
        status: how it ends: complete, failed or rolled_back; the ledger is told together with the seal.
    """
    redaction.hide_personal(plan, environment)
    attachments.clear(folder)
    run = ledger.run_entry(run_id)
    states = {state["number"]: state for state in ledger.tasks_of(run_id)}
    return {
        "manifest_version": VERSION,
        "run_id": run_id,
        "plan": plan.name,
        "title": plan.title,
        "environment": environment.name,
        "protected": environment.protected,
        "operator": run["operator"],
        "note": run["note"],
        "status": status,
        "started_at": run["started_at"],
        "finished_at": seals.clock(ledger.connection),
        "escalate_at": plan.escalate_at,
        "digest": run["digest"],
        "parameters": run["parameters"],
        "approval": next((note for note in [ledger.read_note("approval")] if note), None),
        "decisions": _decisions(plan, environment, ledger),
        "failure": None,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "server": environments.describe_server(ledger.connection),
        "target": target_identity.ask(ledger.connection).summary(),
        "schema": attachments.schema(plan, environment, ledger, states, folder),
        "fault_injection": attachments.fault_injection(plan, folder),
        "deviations": attachments.deviations(plan, folder),
        "comparison": None,
        "held": None,
        "tasks": [_shown(environment, one) for one in task_entries(plan, ledger, run_id, folder)],
    }


def _shown(environment: Environment, entry: dict[str, Any]) -> dict[str, Any]:
    """Return what a manifest says of a task: of a protected target neither rows nor what its cells were given."""
    if not environment.protected:
        return entry
    notes = {name: redaction.redacted_tables(value) for name, value in entry["notes"].items()}
    return {**entry, "session": None, "notes": notes}


def task_entries(plan: Plan, ledger: Ledger, run_id: str, folder: Path) -> list[dict[str, Any]]:
    """Return what the manifest of a run says of its tasks."""
    states = {state["number"]: state for state in ledger.tasks_of(run_id)}
    return [_task(plan, task, states.get(task.number), ledger, run_id, folder) for task in plan.tasks]


def rollback_name(task: Task) -> str:
    """Return the file name of the executed notebook that reversed a task."""
    return f"rollback_{task.notebook.name}"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return standalone.sha256(path)


def _task(
    plan: Plan, task: Task, state: dict[str, Any] | None, ledger: Ledger, run_id: str, folder: Path
) -> dict[str, Any]:
    from runbook.query.session_record import NOTE

    notebook = next(
        (path for path in (folder / task.notebook.name, folder / rollback_name(task)) if path.exists()), folder
    )
    checks = ledger.checks(run_id, task.number) if state else []
    notes = ledger.notes(run_id, task.number) if state else {}
    session = notes.pop(NOTE, None)
    documents = attachments.keep_documents(folder, task.number, notes)
    rows = gate_rows(plan, task, checks, notes)
    return {
        "number": task.number,
        "name": task.name,
        "status": state["status"] if state else "not_run",
        "estimate_minutes": task.minutes,
        "started_at": state["started_at"] if state else None,
        "finished_at": state["finished_at"] if state else None,
        "notebook": notebook.name if notebook != folder else None,
        "sha256": file_digest(notebook) if notebook != folder else None,
        "checks": [asdict(check) for check in checks],
        "criteria": [{"name": row.words, "met": row.fine} for row in rows["criterion"]],
        "triggers": [
            {"name": row.words, "fired": None if row.fine is None else not row.fine} for row in rows["trigger"]
        ],
        "deliverables": [
            {"name": row.words, "delivered": row.fine, "said": row.said, **documents.get(row.words, NO_DOCUMENT)}
            for row in rows["deliverable"]
        ],
        "quality": [
            {"kind": row.key, "name": row.words, "meaning": row.said, "passed": row.fine} for row in rows["gate"]
        ],
        "preparation": [{"name": row.words, "done": row.fine} for row in rows["box"]],
        "completion": notes.pop(COMPLETION, None) or [],
        "outcome": outcome_of(task.undone if state and state["status"] == UNDONE else task.outcome, notes),
        "session": session,
        "notes": {name: value for name, value in notes.items() if not name.startswith(DELIVERED) and name != ADVICE},
    }


def _decisions(plan: Plan, environment: Environment, ledger: Ledger) -> list[dict[str, Any]]:
    """Return every approval and rejection of the environment, newest first."""
    found = approvals.decisions(ledger.connection, plan.name, environment)
    return [
        {name: getattr(one, name) for name in ("approver", "identity", "counts", "statement", "approved", "at")}
        for one in found
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} does not go into a manifest")
