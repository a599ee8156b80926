"""The preflight of a fleet: each target asked by a process of its own, so that what befalls one stops no other."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runbook.errors import TryAgain
from runbook.plan import fleets
from runbook.plan.fleets import Fleet, FleetTarget
from runbook.plan.plan import Plan

READY, BLOCKED, LACKING = 0, 1, 4  # exit codes of `runbook preflight`
WORDS = {READY: "ready", BLOCKED: "blocked", LACKING: "approval or acceptance lacking", TryAgain.exit_code: "try again"}


@dataclass(frozen=True)
class Asked:
    """What the preflight of a target found.

    Attributes:
        exit_code: of `runbook preflight`.
        findings: how many, by class.
        blocked_by: the first check that blocks, or why nothing could be asked.
        next: the one command that comes next.
        digest: of the content that would run.
    """

    target: str
    wave: int
    exit_code: int
    findings: dict[str, int] = field(default_factory=dict)
    blocked_by: str = ""
    next: str = ""
    digest: str = ""

    @property
    def state(self) -> str:
        """The exit code in words."""
        return WORDS.get(self.exit_code, f"exit code {self.exit_code}")


def ask_all(plan: Plan, fleet: Fleet, at_once: int) -> Iterator[Asked]:
    """Yield what the preflight of each target finds, in the order of the inventory.

    Args:
        plan: of the checkout.
        fleet: one of the plan.
        at_once: how many targets are asked at the same time.

    Raises:
        UsageError: the inventory is wrong.
    """
    targets = fleets.inventory(plan.root, fleet)
    with ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(partial(_ask, plan, fleet), targets)


def exit_code(found: list[Asked]) -> int:
    """Return what `fleet preflight` exits with: 0 all are ready, 4 approvals or acceptances lack, 1 anything else."""
    codes = {one.exit_code for one in found}
    if codes <= {READY}:
        return READY
    return LACKING if codes <= {READY, LACKING} else BLOCKED


def _ask(plan: Plan, fleet: Fleet, target: FleetTarget) -> Asked:
    with tempfile.TemporaryDirectory(prefix="runbook-") as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "runbook", "preflight", "--environment", f"{fleet.name}/{target.name}"]
        done = subprocess.run(
            [*command, "--result", str(result)], cwd=plan.root, capture_output=True, text=True, check=False
        )
        found = json.loads(result.read_text(encoding="utf-8")) if result.is_file() else {}
    last = (done.stderr.strip().splitlines() or [""])[-1].removeprefix("runbook: ")
    why = found.get("blocked_by") or found.get("failure") or ("" if found else last)
    return Asked(
        target.name,
        target.wave,
        done.returncode,
        found.get("findings") or {},
        why,
        found.get("next") or "",
        found.get("digest") or "",
    )
