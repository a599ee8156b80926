"""The preflight: every finding about a target at once, and what a run would do, before anything is changed.

It executes the notebooks' own cells: those of the first tasks that change nothing, each once, without lock or ledger.
Cells tagged `run-only` (backup, dry run, measurements) are left out and named as still to come.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from runbook.database import claims, environments
from runbook.database.acceptances import Rows, commands
from runbook.database.ledger import Ledger
from runbook.errors import GateShut, NotApproved, RunbookError, UsageError
from runbook.evidence.manifest import shown_target
from runbook.notebook.preflight import BUILDS_ON, KEY, PreflightSession
from runbook.plan import cells, parameters
from runbook.plan.finding import BLOCKS, NOTED, UNACCEPTED, Finding, ordered
from runbook.plan.plan import Environment, Plan, Task
from runbook.policy import approval_required

RUN_ONLY, PROBE = "run-only", "probe"
READY, BLOCKED, LACKING = 0, 1, 4
BEGIN = "runbook.begin("


@dataclass
class Preflight:
    """What a preflight found.

    Attributes:
        findings: by class, the gravest first.
        parameters: of every task, by its number: as given or as declared.
        estimates: what the notebooks estimate of a run, a row each.
        to_come: what only a run asks, in words.
        unauthorized: why a run would not be authorized; empty: it would.
        given: parameters of the run, as they were told.
    """

    environment: str
    findings: list[Finding] = field(default_factory=list)
    parameters: dict[int, dict[str, Any]] = field(default_factory=dict)
    estimates: list[dict[str, Any]] = field(default_factory=list)
    to_come: list[str] = field(default_factory=list)
    unauthorized: str = ""
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 ready, 1 blocked, 4 an acceptance or an approval is lacking."""
        kinds = {finding.kind for finding in self.findings}
        if BLOCKS in kinds:
            return BLOCKED
        return LACKING if UNACCEPTED in kinds or self.unauthorized else READY

    @property
    def next(self) -> str:
        """The one command that comes next, or what must be mended before there is one."""
        unaccepted = list(dict.fromkeys(one.check for one in self.findings if one.kind == UNACCEPTED))
        told = parameters.as_options(self.given)
        if self.exit_code == BLOCKED:
            return f"mend what blocks, then `runbook preflight --environment {self.environment}{told}`"
        if unaccepted or self.unauthorized:
            return commands(f"{self.environment}{told}", unaccepted)
        return f"`runbook run --environment {self.environment}{told}`"

    def summary(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "environment": self.environment,
            "exit_code": self.exit_code,
            "findings": [finding.summary() for finding in self.findings],
            "parameters": {str(number): values for number, values in self.parameters.items()},
            "estimates": self.estimates,
            "to_come": self.to_come,
            "approval_lacking": self.unauthorized,
            "next": self.next,
        }


def run_preflight(plan: Plan, name: str, given: Mapping[str, Any], *, probes: bool = True) -> Preflight:
    """Ask a target everything that Tasks 0 and 1 ask, and change nothing.

    Args:
        plan: what would run.
        name: of the environment.
        given: parameters of the run.
        probes: whether to try what is rolled back again.

    Raises:
        UsageError: a parameter is wrong, the target has no address, or is not the environment's own.
        TryAgain: the target cannot be reached.
    """
    parameters.check_parameters(plan.tasks, given)
    found = Preflight(plan.environment(name).name, given=dict(given))
    for task in plan.tasks:
        declared = parameters.declared_parameters(task)
        found.parameters[task.number] = {
            key: given.get(key, one.default) for key, one in declared.items() if key != "environment"
        }
    _require_own(plan, plan.environment(name))
    asking = list(takewhile(lambda one: not cells.changes_target(one.notebook), plan.tasks))
    if not asking:
        found.unauthorized = _unauthorized(plan, plan.environment(name), given)
    with chdir(plan.root / "notebooks"), capture_output():
        for task in asking:
            if not _ask(task, found, given, probes=probes):
                break
    found.findings = ordered(found.findings)
    return found


def _require_own(plan: Plan, environment: Environment) -> None:
    """Refuse what a run would refuse at once: a target that, as ledger or evidence know it, is another one."""
    target, shown = environments.find(plan, environment), shown_target(plan, environment)
    with target.connect("runbook preflight") as connection:
        if shown or Ledger(connection, plan.name).exists():
            with connection.transaction(force_rollback=True):
                claims.require_own(connection, plan.name, environment, target, shown)


def _unauthorized(plan: Plan, environment: Environment, given: Mapping[str, Any]) -> str:
    """Say why a run would not be authorized, of a plan no task of which asks first; empty: it would."""
    target = environments.find(plan, environment)
    if environment.approval == "automatic":
        return ""
    with target.connect("runbook preflight") as connection:
        try:
            approval_required.ask_first(plan, environment, connection, target.identity, given)
        except NotApproved as lacking:
            return str(lacking)
    return ""


def acceptable_rows(plan: Plan, name: str, given: Mapping[str, Any], checks: Collection[str]) -> dict[str, Rows]:
    """Return the present rows of checks that may be accepted, by their names.

    Raises:
        UsageError: a check finds nothing now, or what it finds cannot be accepted.
    """
    found = {one.check: one for one in run_preflight(plan, name, given).findings if one.kind == UNACCEPTED}
    if unknown := sorted(set(checks) - found.keys()):
        known = ", ".join(f"“{check}”" for check in found) or "nothing"
        raise UsageError(f"Nothing is to be accepted of “{unknown[0]}”; what may be, on {name!r} now: {known}.")
    return {check: dict(found[check].keyed) for check in checks}


def _ask(task: Task, found: Preflight, given: Mapping[str, Any], *, probes: bool) -> bool:
    """Execute a task's cells in a shell of their own, take over what they found, and tell whether more can be asked."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.user_ns[KEY] = dict(given)
    fitting = {key: value for key, value in given.items() if key in found.parameters[task.number]}
    fitting["environment"] = found.environment
    is_blocked = any(one.kind == BLOCKS for one in found.findings)
    try:
        for source, step in _sources(task, fitting, found, probes=probes):
            error = _execute(shell, source)
            session: PreflightSession | None = shell.user_ns.get("_runbook_task")
            if session is None and error is not None:
                raise error
            if session is not None:
                session.is_blocked = is_blocked
            if isinstance(error, GateShut):  # nothing below could be asked
                found.to_come.append(
                    f"everything from Task {task.number}, step {step} on: it asks about what is not there"
                )
                return False
            if error is not None and session is not None:
                session.findings.append(_failure(task, step, error, session))
    finally:
        session = shell.user_ns.get("_runbook_task")
        if session is not None:
            found.findings += session.findings
            found.estimates += _rows(session.ledger.read_note("estimate"))
            found.unauthorized = found.unauthorized or session.unauthorized
            session.close()
        InteractiveShell.clear_instance()
    return True


def _rows(note: Any) -> list[dict[str, Any]]:
    """Return the rows of a table in the ledger, none where there is no table; an older ledger holds the rows alone."""
    if isinstance(note, dict):
        return [dict(zip(note["names"], row, strict=True)) for row in note["rows"]]
    return note or []


def _sources(task: Task, fitting: Mapping[str, Any], found: Preflight, *, probes: bool) -> Iterator[tuple[str, str]]:
    """Yield the sources that are executed, each with its step; name what is left out."""
    left_out: set[str] = set()
    for cell in cells.read_cells(task.notebook):
        if cell.kind != "code":
            continue
        is_probe = PROBE in cell.tags and not probes
        reason = "what only a run can ask" if RUN_ONLY in cell.tags else "its probes" if is_probe else ""
        if reason:
            left_out.add(f"Task {task.number}, step {cell.step}: {reason}")
            continue
        yield cell.source, cell.step
        if "parameters" in cell.tags:
            yield "# Parameters\n" + "\n".join(f"{name} = {value!r}" for name, value in fitting.items()), cell.step
    found.to_come += sorted(left_out)


def _execute(shell: InteractiveShell, source: str) -> BaseException | None:
    result = shell.run_cell(source, store_history=True)
    error: BaseException | None = result.error_before_exec or result.error_in_exec
    return error


def _failure(task: Task, step: str, error: BaseException, session: PreflightSession) -> Finding:
    """Return what a cell that could not be carried out means: a consequence, where something blocks already."""
    why = session.unasked(getattr(error, "sqlstate", None) or "")
    if why or session.lacks:
        session.lacks = True
        return Finding.from_check(NOTED, task.number, f"step {step}", f"not asked, for {why or BUILDS_ON}: a run will")
    if isinstance(error, UsageError) and not session.failed:
        raise error
    kind = NOTED if session.failed or session.is_blocked else BLOCKS
    words = " ".join(str(error).split())
    said = words if isinstance(error, RunbookError) else f"{type(error).__name__}: {words}"
    return Finding.from_check(kind, task.number, f"step {step}", f"it could not be asked: {said}")
