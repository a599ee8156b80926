"""The report: one offline page that tells a manager whether a run went well, and a DBA why.

It is made from the run's folder alone, so it can be rebuilt at any time: manifest, journal, executed notebooks.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from runbook import formatting  # fmt: skip
from runbook.evidence import attachments
from runbook.evidence.manifest import JOURNAL, MANIFEST
from runbook.evidence.model import Manifest, TaskEntry, manifest_in
from runbook.report import (
    access,
    applied_cells,
    deviations,
    fault_coverage,
    gates,
    notebook_html,
    notes,
    rollback_section,
    schema_diff,
    timeline,
    verdict,
)
from runbook.report.gates import Gate
from runbook.report.quality import quality_rows_of

REPORT = "report.html"
BESIDE = (MANIFEST, JOURNAL, *attachments.ALL)
SAME_SCHEMA = "The schema is the one it found."
RAN = {"complete", "failed", "running"}
TOO_FINE = {"cell", "update"}  # events of the journal for each cell and what it says meanwhile


@dataclass(frozen=True)
class TaskFiles:
    """What a task left in the folder; empty names and no charts where it left nothing."""

    number: int
    name: str
    notebook: str
    page: str
    sha256: str
    charts: tuple[notebook_html.Chart, ...]


def build_report(folder: Path) -> Path:
    """Write the report of the run in `folder` and return the page; see `render`."""
    page = folder / REPORT
    page.write_text(render(folder), encoding="utf-8")
    return page


def render(folder: Path) -> str:
    """Return the report of a run: the same page from the same folder, whenever and wherever it is made.

    Args:
        folder: holds manifest.json, and events.jsonl and the executed notebooks as far as there are any.

    Raises:
        UsageError: the folder holds no manifest, or a broken one.
    """
    manifest = manifest_in(folder)
    tasks = manifest.tasks
    found = [gates.gate_of(task) for task in tasks]
    files = [_files(folder, task) for task in tasks]
    times = timeline.timeline_of(tasks, manifest.finished_at, manifest.escalate_at)
    coverage, schema = fault_coverage.coverage_of(folder, manifest), schema_diff.schema_change(folder, manifest)
    has_stopped = manifest.status not in {"complete", "rolled_back", "finished"}
    reversals = rollback_section.reversals_of(tasks)  # a rollback decides no gate
    page: str = template("report.html.j2").render(
        run=manifest,
        verdict=verdict.verdict_on(manifest, found, times, coverage),
        facts=_facts(manifest, times),
        failed=_failed(manifest, found, files),
        stopped=has_stopped,
        applied=applied_cells.applied_cells_of(folder, tasks),
        state=_state(manifest, schema),
        timeline=times,
        gates=[one for one in found if one.decided or one.status in RAN] if not reversals else [],
        marks=gates.STATES,
        quality=quality_rows_of(tasks),
        schema=schema,
        changes=notes.sort_notes(tasks, skip=("approval", *rollback_section.NOTES)),
        reversals=reversals,
        final=manifest.final,
        matrices=access.matrices_of(tasks),
        coverage=coverage,
        deviations=deviations.deviations_of(folder, manifest),
        files=files,
        comparison=manifest.comparison,
        journal=_journal(folder / JOURNAL),
        names=[name for name in BESIDE if (folder / name).is_file()],
    )
    return page


def next_step(folder: Path) -> str:
    """Return what to do after a run, as its report says it.

    Raises:
        UsageError: the folder holds no manifest, or a broken one.
    """
    manifest = manifest_in(folder)
    found = [gates.gate_of(task) for task in manifest.tasks]
    times = timeline.timeline_of(manifest.tasks, manifest.finished_at, manifest.escalate_at)
    return verdict.verdict_on(manifest, found, times, fault_coverage.coverage_of(folder, manifest)).next


def _journal(path: Path) -> list[dict[str, Any]]:
    """Return the run's events; a line cut short by a crash is left out."""
    events = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("event") not in TOO_FINE:
            events.append(event)
    return events


def _files(folder: Path, task: TaskEntry) -> TaskFiles:
    name = task.notebook or ""
    notebook = folder / name
    if not name or not notebook.is_file():
        return TaskFiles(task.number, task.name, "", "", task.sha256 or "", ())
    page = notebook.with_suffix(".html")
    return TaskFiles(
        number=task.number,
        name=task.name,
        notebook=name,
        page=page.name if page.is_file() else "",
        sha256=task.sha256 or "",
        charts=tuple(notebook_html.charts(notebook)),
    )


def _facts(manifest: Manifest, times: timeline.Timeline) -> list[tuple[str, str]]:
    server, approval = manifest.server or {}, manifest.approval
    version = str(server.get("version", "")).removeprefix("PostgreSQL ")
    target = f"PostgreSQL {version}, database {server.get('database', '–')}, as {server.get('user', '–')}"
    elapsed = formatting.seconds_between(manifest.started_at, manifest.finished_at)
    return [
        ("Run", manifest.run_id),
        ("Operator", manifest.operator),
        ("Approved by", approval.approver if approval else "nobody on record"),
        *([("Operator's note", manifest.note)] if manifest.note else []),
        ("Started", formatting.moment(manifest.started_at)),
        ("Finished", formatting.moment(manifest.finished_at)),
        (
            "Duration",
            formatting.duration(elapsed) + (f", estimated: {times.estimate}" if times.estimate != "–" else ""),
        ),
        ("Seal", "statement.json, with this page in it"),
        ("Target", f"{target}, {formatting.size(server.get('size_bytes'))}" if server else "–"),
    ]


KINDS = {
    "GateShut": "The gate is shut.",
    "NotAccepted": "The gate is shut until what was found is mended or accepted.",
    "StepFailed": "A step failed.",
    "UsageError": "The input is wrong.",
    "NotAllowed": "It is not allowed.",
    "NotApproved": "It is not approved.",
    "TryAgain": "The target cannot be used now.",
    "TargetHeld": "Somebody else holds the target.",
    "Interrupted": "It was interrupted.",
    "Died": "The run died.",
}


def _failed(manifest: Manifest, found: Sequence[Gate], files: Sequence[TaskFiles]) -> dict[str, Any] | None:
    """Return what stopped the run: the failure, its task's failed checks, and where to see it."""
    failure = manifest.failure
    if failure is None:
        return None
    gate = next((gate for gate in found if gate.number == failure.task), None)
    left = next((one for one in files if one.number == failure.task), None)
    return {
        **vars(failure),
        "kind": KINDS.get(failure.name, f"{failure.name}."),
        "gate": gate,
        "checks": gate.failed if gate else (),
        "page": left.page if left else "",
    }


def _state(manifest: Manifest, schema: schema_diff.Change | None) -> str:
    """Say what a run that stopped left of the schema, and where the backup is."""
    words = []
    if schema:
        words.append("The schema is not the one it found; what changed is below." if schema.lines else SAME_SCHEMA)
    backup = next((task.notes["backup"] for task in manifest.tasks if "backup" in task.notes), None)
    if backup:
        proven = ", restored and compared" if backup.get("proven") else ", not proven"
        words.append(f"The backup from before it is `{backup['file']}`{proven}.")
    return " ".join(words)


def template(name: str) -> jinja2.Template:
    """Return a template of a report."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(notebook_html.TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    for word in (
        formatting.moment,
        formatting.size,
        formatting.value,
        formatting.amount,
        formatting.share,
        formatting.signed,
        formatting.duration,
    ):
        environment.filters[word.__name__] = word
    return environment.get_template(name)
