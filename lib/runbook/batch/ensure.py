"""What an engine asks for: that a target be complete, whatever it takes; and what became of it, as JSON."""

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from runbook.batch.batch import RunRequest
from runbook.batch.preflight import Preflight
from runbook.database import claims, environments
from runbook.database.failures import describe_failure, exit_code_of_failure
from runbook.database.ledger import DONE, Ledger
from runbook.errors import TryAgain, UsageError
from runbook.evidence import manifest, seal, store
from runbook.plan import fingerprint
from runbook.plan.finding import BLOCKS
from runbook.plan.plan import Plan


def what_is_left(plan: Plan, request: RunRequest) -> RunRequest | None:
    """Return the request for what is left of what was asked for: the rest of a run, or a run of its own; None: nothing.

    A task counts as done while the target's ledger says that it is complete under this content.

    Raises:
        UsageError: the plan or the environment is wrong, or the target is another environment's.
        TryAgain: the target cannot be reached.
    """
    tasks, environment = plan.between(request.first, request.last), plan.environment(request.environment)
    target = environments.find(plan, environment)
    with target.connect("runbook ensure") as connection:
        ledger = Ledger(connection, plan.name)
        if ledger.exists():  # what another environment has done there is nothing this one has
            claims.require_own(connection, plan.name, environment, target, manifest.shown_target(plan, environment))
        states = ledger.states() if ledger.exists() else {}
        stopped = ledger.unfinished_run(environment.name) if ledger.exists() else None
        run = ledger.run_entry(stopped) if stopped else None
    done = {
        number
        for number, state in states.items()
        if state.status == DONE and state.content == fingerprint.task_digest(plan, number)
    }
    left = [task.number for task in tasks if task.number not in done]
    if not left and run is None:
        return None
    if run is not None and (run["first_task"], run["last_task"]) == (tasks[0].number, tasks[-1].number):
        return replace(request, first=None, last=None, resume=True)
    return replace(request, first=left[0], last=tasks[-1].number) if left else None


def copy_evidence(plan: Plan, environment: str) -> int:
    """Copy the evidence of the newest run into the store where one is wanted and has none of it; return the exit code.

    Raises:
        TryAgain: it cannot be copied.
    """
    folder = manifest.latest_run(plan, plan.environment(environment))
    if folder and seal.is_sealed(folder):
        try:
            store.upload(folder, environment)
        except UsageError as error:
            raise TryAgain(f"{environment} is complete, its evidence is in {folder} alone: {error}") from None
    return 0


def require_writable(path: Path) -> None:
    """Make sure, before anything runs, that what becomes of it can be written; what is there of another goes.

    Raises:
        UsageError: it cannot.
    """
    if not path.parent.is_dir():
        raise UsageError(f"--result {path}: the folder {path.parent} does not exist.")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"--result {path}: it cannot be written.")
    if path.is_file() and not path.is_symlink():  # else a process that is killed leaves the word of an earlier one
        path.unlink()


def write_result(path: Path, plan: Plan, environment: str, code: int) -> None:
    """Write what became of a run that began.

    `environment`, `exit_code`, `run`, `status`; of a failure `task`, `kind`, `failure` in words, `next`; `digest` of
    the content that ran, `head` of its seal, `folder` of the evidence. What nobody knows is null.

    Args:
        path: where to.
        plan: of the run.
        environment: where it ran.
        code: how it ended.
    """
    folder = manifest.latest_run(plan, plan.environment(environment))
    found = manifest.read_manifest(folder) if folder else {}
    failure = found.get("failure") or {}
    if folder and found.get("status") == "failed" and not failure:  # what it found is not what was expected
        from runbook.report import report

        failure = {"message": "The results are not the expected ones.", "next": report.next_step(folder)}
    _write(
        path,
        {
            "environment": environment,
            "exit_code": code,
            "run": found.get("run_id"),
            "status": found.get("status"),
            "task": failure.get("task"),
            "kind": failure.get("name"),
            "failure": failure.get("message"),
            "next": failure.get("next"),
            "digest": found.get("digest"),
            "head": seal.head(folder) if folder and seal.is_sealed(folder) else None,
            "folder": str(folder) if folder else None,
        },
    )


def write_preflight(path: Path, plan: Plan, found: Preflight) -> None:
    """Write what a preflight found: `environment`, `exit_code`, `findings` by class, `blocked_by`, `next`, `digest`."""
    blocking = [one.check for one in found.findings if one.kind == BLOCKS]
    _write(
        path,
        {
            "environment": found.environment,
            "exit_code": found.exit_code,
            "findings": Counter(one.kind for one in found.findings),
            "blocked_by": blocking[0] if blocking else None,
            "next": found.next,
            "digest": fingerprint.plan_digest(plan),
        },
    )


def write_refusal(path: Path, environment: str, error: Exception) -> None:
    """Write why nothing began, or why it broke off: `environment`, `exit_code`, `kind`, `failure`."""
    said = {"kind": type(error).__name__, "failure": describe_failure(error)}
    _write(path, {"environment": environment, "exit_code": exit_code_of_failure(error), **said})


def _write(path: Path, said: dict[str, Any]) -> None:
    text = json.dumps(said, indent=1, ensure_ascii=False, default=str) + "\n"
    if path.is_symlink() or path.exists():  # such as /dev/stdout: nothing takes its place
        path.write_text(text, encoding="utf-8")
    else:
        manifest.write_whole(path, text)
