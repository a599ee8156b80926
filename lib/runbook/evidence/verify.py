"""What `runbook verify` does: the files against their seal, the seal against the ledger, the target against both."""

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook.changes import finality
from runbook.database import embedded, environments, seals, snapshot
from runbook.errors import StepFailed, TryAgain, UsageError
from runbook.evidence import attachments, old_seal, seal, signature, standalone
from runbook.evidence.manifest import JOURNAL, MANIFEST, read_manifest
from runbook.formatting import amount, escaped
from runbook.plan.plan import Environment, Plan

PROVEN, ALTERED, FILES_ALONE = 0, 1, 3  # exit codes; 2 is of what cannot be read
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


@dataclass(frozen=True)
class Examined:
    """What was found about a run's folder.

    Attributes:
        altered: a line for everything that is not what was sealed.
        signature: what the signature is worth.
        kept: whether the ledger of the target holds the head; None where it was not asked.
        words: the last in words.
    """

    manifest: dict[str, Any]
    head: str
    altered: list[str]
    signature: signature.SignatureCheck
    kept: bool | None
    words: str

    @property
    def proven_by(self) -> str:
        """Who vouches that the seal was not made anew, in words; empty where nobody does."""
        if self.kept:
            return f"the ledger of {self.manifest['environment']!r}"
        return f"the signature of {self.signature.signer}" if self.signature.signer and self.signature.good else ""

    @property
    def exit_code(self) -> int:
        """What `verify` exits with: PROVEN, ALTERED or FILES_ALONE."""
        if self.altered or self.signature.good is False or self.kept is False:
            return ALTERED
        return PROVEN if self.proven_by else FILES_ALONE


def examine(plan: Plan | None, folder: Path, *, offline: bool = False) -> Examined:
    """Check a run's folder against its seal, and the seal against the ledger or a signature.

    Args:
        plan: of the checkout, if there is one; without it the ledger cannot be asked.
        folder: of the run.
        offline: do not ask the ledger.

    Raises:
        UsageError: the folder holds no run, or cannot be read.
    """
    manifest = read_sealed(folder)
    if seal.is_sealed(folder):
        altered = seal.problems(folder, manifest)
        head, signed = seal.head(folder), standalone.STATEMENT
    else:
        altered = old_seal.problems(folder, manifest)
        head, signed = str(manifest[old_seal.KEY]["head"]), MANIFEST
    kept, words = (
        (None, "the ledger was not asked: --offline forbids it") if offline else check_ledger(plan, manifest, head)
    )
    return Examined(manifest, head, altered, signature.check_signature(folder / signed), kept, words)


def verify_run(plan: Plan | None, request: VerifyRequest, say: Say) -> int:
    """Verify a run, say what was found line by line, and return the exit code.

    Args:
        plan: of the checkout, if there is one; without it the ledger cannot be asked.
        request: what is to be verified.
        say: takes a line, which has nothing in it that could pass for another.

    Raises:
        UsageError: the folder cannot be read, or the target cannot be asked although `live` needs it.
    """

    def tell(line: str) -> None:
        say(escaped(line))

    found = examine(plan, request.folder, offline=request.offline)
    for problem in found.altered:
        tell(f"{BAD} {problem}")
    if not found.altered:
        tell(f"{GOOD} run “{found.manifest['run_id']}”: {_amounts(request.folder)} what was sealed ({found.head[:12]})")
    tell(f"{SIGNS[found.signature.good]} {found.signature.words}")
    tell(f"{SIGNS[found.kept]} {found.words}")
    if found.exit_code == FILES_ALONE:
        tell(seal.PROOF)
    if not request.live:
        return found.exit_code
    if found.exit_code == ALTERED:
        tell(f"{BAD} nothing was run on the target: the notebooks are not those of the run")
        return ALTERED
    if plan is None or found.kept is None:
        raise UsageError(f"The target of this run cannot be asked, so nothing can be run on it again: {found.words}.")
    return PROVEN if _live(plan, request.folder, found.manifest, tell) else ALTERED


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
        words = [manifest["run_id"], manifest["environment"], manifest["plan"]]
        if not all(isinstance(one, str) for one in words):
            raise TypeError("it does not say which run it is of")
        if not seal.is_sealed(folder) and old_seal.KEY not in manifest:
            raise KeyError(standalone.STATEMENT)
    except FileNotFoundError:
        if seal.is_sealed(folder):
            raise UsageError(f"{path} is missing: the seal in its folder lists it. Bring it back.") from None
        if (folder / JOURNAL).is_file():
            raise UsageError(
                f"The run in {folder} is not sealed, it has no {MANIFEST}. It is at work, or it died: then `runbook "
                f"report {folder}` seals what it left."
            ) from None
        raise UsageError(f"There is no run in {folder}: name the folder that holds a {MANIFEST}.") from None
    except KeyError as error:
        raise UsageError(f"{path} is damaged, or was never sealed: it has no {error}.") from None
    except (ValueError, TypeError, OSError) as error:
        said = " ".join(str(error).split())
        head = "" if said.startswith(path.name) else f"{path.name} is damaged: "
        raise UsageError(f"{folder}: {head}{said}.") from None
    return manifest


def _amounts(folder: Path) -> str:
    if not seal.is_sealed(folder):
        return f"sealed by an earlier version; {old_seal.UNSEALED} What it did seal is"
    return f"{amount(len(standalone.files(folder)[0]), 'file')} are"


def check_ledger(plan: Plan | None, manifest: dict[str, Any], head: str) -> tuple[bool | None, str]:
    """Return whether the ledger of the target holds the head of the seal, and that in words; None: not asked."""
    name = manifest["environment"]
    try:
        if plan is None or plan.name != manifest["plan"]:
            raise UsageError(f"this is no checkout of the plan {manifest['plan']!r}, give the command in one")
        environment = plan.environment(name)
        is_embedded = environment.server == "embedded"
        if is_embedded and not (embedded.state_folder(plan.root) / "postgres").exists():
            raise UsageError("its server is not on this machine")
        with environments.connect(plan, environment, "runbook verify") as connection:
            kept = seals.newest_seal(connection, manifest["run_id"])
    except (UsageError, TryAgain) as error:
        return None, f"the ledger of {name!r} was not asked: {error}"
    if kept is None and is_embedded:
        return None, f"the ledger of {name!r} does not know this run; a demonstration database is reset at times"
    if kept is None:
        return False, f"the ledger of {name!r} does not know this run: it never ran there"
    is_same, moment = kept[0] == head, f"{kept[1]:%Y-%m-%d %H:%M:%S %Z}"
    which = "the same seal of this run" if is_same else f"another seal of this run than {standalone.STATEMENT}"
    return is_same, f"the ledger of {name!r} holds {which}, kept {moment}"


def _live(plan: Plan, folder: Path, manifest: dict[str, Any], say: Say) -> bool:
    """Compare the target with the evidence, print every drift, and return whether there is none."""
    from runbook.evidence.replay import replay_cells

    environment = plan.environment(manifest["environment"])
    if "final" not in manifest:
        _require_open(plan, environment)
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


def _require_open(plan: Plan, environment: Environment) -> None:
    with environments.connect(plan, environment, "runbook verify") as connection:
        found = finality.finished(connection, plan.name)
    if found:
        raise UsageError(
            f"The migration was made final by {found.operator} on {found.at:%Y-%m-%d %H:%M} UTC, after this run: what "
            "its cells read is gone. `runbook verify` without --live holds the files against their seal."
        )


def _schema(plan: Plan, environment: Environment, folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """Yield how the schema differs from the one the run left, each difference under the statement it belongs to."""
    if not manifest.get("schema"):
        return
    was = (folder / manifest["schema"]["file"]).read_text(encoding="utf-8").splitlines()
    try:
        now = snapshot.schema_dump(environments.find(plan, environment)).splitlines()
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
