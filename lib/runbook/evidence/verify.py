"""What `runbook verify` does: the files against their seal, the seal against the ledger, the target against both."""

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook.database import embedded, environments, seals, snapshot
from runbook.errors import StepFailed, UsageError
from runbook.evidence import attachments, seal, signature
from runbook.evidence.manifest import MANIFEST, read_manifest
from runbook.formatting import amount
from runbook.plan.plan import Environment, Plan

MOST_LINES = 30
GOOD, BAD, OPEN = "✓", "✗", "–"
SIGNS = {True: GOOD, False: BAD, None: OPEN}
WHY = "Python looks at files and figures of the run, not at the target"
STATEMENT = re.compile(r"[A-Z]{3,} ")
Say = Callable[[str], None]


@dataclass(frozen=True)
class VerifyRequest:
    """What is to be verified.

    Attributes:
        folder: of the run.
        offline: look at the files alone.
        live: also run the `verify` cells again on the target.
    """

    folder: Path
    offline: bool = False
    live: bool = False


def verify_run(plan: Plan | None, request: VerifyRequest, say: Say) -> int:
    """Verify a run, say what was found line by line, and return the exit code.

    Args:
        plan: of the checkout, if there is one; without it the ledger cannot be asked.
        request: what is to be verified.
        say: takes a line.

    Raises:
        UsageError: the manifest is missing or damaged, or the target cannot be asked although `live` needs it.
    """
    manifest = read_sealed(request.folder)
    found = _files(request.folder, manifest, say)
    verdict = signature.check_signature(request.folder / MANIFEST)
    say(f"{SIGNS[verdict.good]} {verdict.words}")
    known, words = None, "--offline forbids it"
    if not request.offline:
        known, words = check_ledger(plan, manifest)
        say(f"{SIGNS[known]} {words}")
    if known is None:
        say(seal.PROOF)
    is_sound = not found and verdict.good is not False and known is not False
    if not request.live:
        return 0 if is_sound else 1
    if not is_sound:
        say(f"{BAD} nothing was run on the target: the notebooks are not those of the run")
        return 1
    if plan is None or known is None:
        raise UsageError(f"The target of this run cannot be asked, so nothing can be run on it again: {words}.")
    return 0 if _live(plan, request.folder, manifest, say) else 1


def read_sealed(folder: Path) -> dict[str, Any]:
    """Return the manifest in a run's folder.

    Raises:
        UsageError: there is none, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        manifest = read_manifest(folder)
        if not isinstance(manifest, dict) or not isinstance(manifest["tasks"], list):
            raise TypeError("it holds no tasks")
        manifest[seal.KEY], manifest["run_id"], manifest["environment"], manifest["plan"]
    except FileNotFoundError:
        raise UsageError(f"There is no run in {folder}: name the folder that holds a {MANIFEST}.") from None
    except KeyError as error:
        raise UsageError(f"{path} is damaged, or was never sealed: it has no {error}.") from None
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path} is damaged: {' '.join(str(error).split())}.") from None
    return manifest


def _files(folder: Path, manifest: dict[str, Any], say: Say) -> list[str]:
    found = seal.problems(folder, manifest)
    for problem in found:
        say(f"{BAD} {problem}")
    if not found:
        links, head = manifest[seal.KEY]["links"], manifest[seal.KEY]["head"]
        cells = sum(len(link["cells"]) for link in links)
        sealed = f"{len(links)} notebooks with {cells} cells are what was sealed ({head[:12]})"
        say(f"{GOOD} run {manifest['run_id']}: {sealed}")
    return found


def check_ledger(plan: Plan | None, manifest: dict[str, Any]) -> tuple[bool | None, str]:
    """Return whether the ledger of the target holds the head of the seal, and that in words; None: not asked."""
    name = manifest["environment"]
    try:
        if plan is None or plan.name != manifest["plan"]:
            raise UsageError(f"this is no checkout of the plan {manifest['plan']!r}")
        environment = plan.environment(name)
        is_embedded = environment.server == "embedded"
        if is_embedded and not (embedded.state_folder(plan.root) / "postgres").exists():
            raise UsageError("its server is not on this machine")
        with environments.connect(plan, environment, "runbook verify") as connection:
            kept = seals.newest_seal(connection, manifest["run_id"])
    except UsageError as error:
        return None, f"the ledger of {name!r} was not asked: {error}"
    if kept is None and is_embedded:
        return None, f"the ledger of {name!r} does not know this run; a demonstration database is reset at times"
    if kept is None:
        return False, f"the ledger of {name!r} does not know this run: it never ran there"
    is_same, moment = kept[0] == manifest[seal.KEY]["head"], f"{kept[1]:%Y-%m-%d %H:%M:%S %Z}"
    return (
        is_same,
        f"the ledger of {name!r} holds {'the same' if is_same else 'another'} seal of this run, kept {moment}",
    )


def _live(plan: Plan, folder: Path, manifest: dict[str, Any], say: Say) -> bool:
    """Hold the target against the evidence, say what drifted, and return whether nothing did."""
    from runbook.evidence.replay import replay_cells

    environment = plan.environment(manifest["environment"])
    before = (manifest.get("held") or {}).get("drifts", [])
    outcome = replay_cells(plan, environment, folder, manifest, {(one["task"], one["cell"]) for one in before})
    for drift in outcome.drifts:
        say(f"{BAD} {drift.words}")
    lines = list(_schema(plan, environment, folder, manifest))
    for line in lines[:MOST_LINES]:
        say(line)
    if len(lines) > MOST_LINES:
        say(f"  … {len(lines) - MOST_LINES} more lines: compare {attachments.SCHEMA} with `pg_dump --schema-only`")
    kinds = [amount(count, what) for what, count in outcome.skipped.items()]
    kinds += [f"{amount(len(before), 'cell')} superseded by a later task of the run"] if before else []
    if kinds:
        say(f"{OPEN} not run again: {', '.join(kinds)}; {WHY}")
    if not outcome.drifts and not lines:
        say(f"{GOOD} on {environment.name!r}, read-only: {outcome.words()}; the schema is as the run left it")
    return not outcome.drifts and not lines


def _schema(plan: Plan, environment: Environment, folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """Yield how the schema differs from the one the run left, each difference under the statement it belongs to."""
    if not manifest.get("schema"):
        return
    was = (folder / manifest["schema"]["file"]).read_text(encoding="utf-8").splitlines()
    try:
        now = snapshot.schema_dump(environments.find(plan, environment), plan.schemas).splitlines()
    except StepFailed as error:
        yield f"{BAD} the schema cannot be compared: {error}"
        return
    for tag, first, last, start, end in difflib.SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        old, new = was[first:last], now[start:end]
        whole = old if old and STATEMENT.match(old[0]) else new if new and STATEMENT.match(new[0]) else None
        above = whole or [line for line in was[:first] if STATEMENT.match(line)][-1:] or ["its beginning"]
        yield f"{BAD} the schema is not the one the run left, at: {above[0]}"
        yield from (f"  - {line}" for line in old)
        yield from (f"  + {line}" for line in new)
