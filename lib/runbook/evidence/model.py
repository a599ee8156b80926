"""The manifest of a run as what reads it gets it: typed, and whole.

Evidence is read years later: a manifest of an older version is brought to today's when it is read, and stays as it is
in its file, which is sealed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from runbook.errors import UsageError, exit_code_of
from runbook.evidence.finish_entry import FinishEntry
from runbook.evidence.manifest import MANIFEST, VERSION, read_manifest


@dataclass(frozen=True)
class CheckEntry:
    """What a check came to; see `Check` of the ledger."""

    name: str
    expected: str
    actual: str
    passed: bool
    criterion: str | None
    trigger: str | None
    gate: str | None = None
    accepted: str | None = None


@dataclass(frozen=True)
class CriterionEntry:
    """A success criterion, and whether it was met; None: nothing decided it."""

    name: str
    met: bool | None


@dataclass(frozen=True)
class TriggerEntry:
    """A rollback trigger, and whether it fired; None: nothing decided it."""

    name: str
    fired: bool | None


@dataclass(frozen=True)
class QualityEntry:
    """A quality gate of a task, and whether its checks passed; None: nothing decided it."""

    kind: str
    name: str
    meaning: str
    passed: bool | None


@dataclass(frozen=True)
class DeliverableEntry:
    """What a task delivered: in figures, and in a document beside the manifest, where there is one."""

    name: str
    delivered: bool | None
    said: str = ""
    file: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class PreparationEntry:
    """A condition of preparation, and whether it was met."""

    name: str
    done: bool | None


@dataclass(frozen=True)
class CompletionEntry:
    """A condition of a complete task, and what was found."""

    box: str
    fine: bool | None
    said: str = ""


@dataclass(frozen=True)
class TaskEntry:
    """What became of a task.

    Attributes:
        notebook: the file of the executed notebook, beside the manifest; None where it did not run.
        sha256: of that file.
        outcome: what it came to, in the plan's words.
        session: what its cells made readable in SQL; see `SessionRecord`.
        notes: what it wrote down, by name.
    """

    number: int
    name: str
    status: str
    estimate_minutes: float
    started_at: str | None
    finished_at: str | None
    notebook: str | None
    sha256: str | None
    checks: list[CheckEntry]
    criteria: list[CriterionEntry]
    triggers: list[TriggerEntry]
    deliverables: list[DeliverableEntry] = field(default_factory=list)
    quality: list[QualityEntry] = field(default_factory=list)
    preparation: list[PreparationEntry] = field(default_factory=list)
    completion: list[CompletionEntry] = field(default_factory=list)
    outcome: str = ""
    session: dict[str, Any] | None = None
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Why a run stopped: in which task (None: none ran), by what exception, and what to do next."""

    task: int | None
    name: str
    message: str
    next: str = ""

    @property
    def exit_code(self) -> int:
        """The exit code it means to a shell."""
        return exit_code_of(self.name)


@dataclass(frozen=True)
class ComparedNotebook:
    """What holding a notebook against the expected results found; see `NotebookComparison`."""

    notebook: str
    passed: bool
    cells: int
    compared: int
    ignored: int
    differences: list[str]


@dataclass(frozen=True)
class ExpectedResults:
    """What holding a run against the expected results found, in the mode `strict` or `lax`."""

    mode: str
    passed: bool
    notebooks: list[ComparedNotebook]


@dataclass(frozen=True)
class ApprovalEntry:
    """Who authorized a run, in whose words."""

    approver: str
    statement: str = ""
    at: str | None = None


@dataclass(frozen=True)
class Manifest:
    """What a run was, did and found.

    Attributes:
        digest: of everything that decided what it would do.
        schema: the files with the schema as it was left (`file`) and found (`before`).
        fault_injection: the `file` with the newest injection of all faults.
        deviations: the file with the deviations from the brief.
        final: of a finish alone.
    """

    run_id: str
    title: str
    environment: str
    operator: str
    status: str
    started_at: str
    finished_at: str | None
    failure: Failure | None
    server: dict[str, Any] | None
    approval: ApprovalEntry | None
    comparison: ExpectedResults | None
    tasks: list[TaskEntry]
    plan: str = ""
    protected: bool = False
    escalate_at: float = 1.5
    digest: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    schema: dict[str, str] | None = None
    fault_injection: dict[str, Any] | None = None
    deviations: str | None = None
    note: str | None = None
    final: FinishEntry | None = None
    manifest_version: int = VERSION


@cache
def _adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


def manifest_in(folder: Path) -> Manifest:
    """Return the manifest of the run in a folder.

    Raises:
        UsageError: there is none, or it is damaged, or of a version not known yet.
    """
    try:
        document: Any = read_manifest(folder)
    except FileNotFoundError:
        raise UsageError(f"{folder} holds no {MANIFEST}: name the folder of a run.") from None
    except ValueError as error:
        raise UsageError(f"{folder}: {error}.") from None
    if not isinstance(document, dict) or not isinstance(document.get("tasks"), list):
        raise UsageError(f"{folder / MANIFEST} is damaged: it holds no tasks.")
    try:
        return parse_manifest(document)
    except UsageError as error:
        raise UsageError(f"{folder / MANIFEST} {error}") from None


def parse_manifest(document: Mapping[str, Any]) -> Manifest:
    """Return the manifest a document holds, whichever version it has.

    Raises:
        UsageError: it is damaged, or of a version not known yet.
    """
    version = document.get("manifest_version", 1)
    if isinstance(version, int) and version > VERSION:
        raise UsageError(f"is of version {version}, and this runbook knows {VERSION}: read it with a newer one.")
    upgraded = dict(document)
    if version == 1 and "rehearsal" in upgraded:
        upgraded["fault_injection"] = upgraded.pop("rehearsal")
    try:
        return _adapter().validate_python(upgraded)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            raise UsageError(f"is damaged: it has no {str(first['loc'][-1])!r}.") from None
        raise UsageError(f"is damaged: {where} {first['msg'].replace('Input should', 'must', 1)}.") from None
