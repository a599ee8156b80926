"""What `runbook fleet verify` does: the fleet's report against its targets' evidence, and that against its seals."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runbook.errors import UsageError
from runbook.evidence import signature, standalone, verify
from runbook.evidence.cell_digests import json_digest
from runbook.evidence.signature import SignatureCheck
from runbook.fleet import overview, page
from runbook.fleet.overview import Row
from runbook.plan.fleets import Fleet
from runbook.plan.plan import Plan

LARGEST = 1 << 26  # bytes of a fleet's JSON; a thousand targets have a hundredth of it


@dataclass(frozen=True)
class FleetVerified:
    """What was found about a fleet's report and its targets' evidence.

    Attributes:
        digest: over all heads, as the report says.
        problems: a line for everything that is not what it was when the report was made.
        targets: how many have a run that was verified.
        vouched: for how many of those a ledger or a listed signer vouches.
        signature: of the report, over all heads.
    """

    digest: str
    problems: list[str]
    targets: int
    vouched: int
    signature: SignatureCheck = field(default_factory=lambda: SignatureCheck(None, ""))

    @property
    def exit_code(self) -> int:
        """What `fleet verify` exits with, as `verify` does: PROVEN, ALTERED or FILES_ALONE."""
        if self.problems or self.signature.good is False:
            return verify.ALTERED
        by_signer = bool(self.signature.good and self.signature.signer)
        return verify.PROVEN if by_signer or self.vouched == self.targets else verify.FILES_ALONE

    def summary(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {**asdict(self), "exit_code": self.exit_code}


def verify_fleet(plan: Plan, fleet: Fleet, *, offline: bool) -> FleetVerified:
    """Verify the report of a fleet and the evidence of each target's newest run.

    Args:
        plan: of the checkout.
        fleet: one of the plan.
        offline: ask no ledger.

    Raises:
        UsageError: there is no report, or it is damaged.
    """
    folder = plan.outputs / fleet.name
    said = _said(folder / page.SUMMARY, fleet)
    rows = overview.rows_of(plan, fleet)
    problems = list(_differences(said, overview.summary(fleet, rows)))
    if not problems and (folder / page.PAGE).read_text(encoding="utf-8") != page.render(plan, rows, said):
        problems.append(f"{page.PAGE} was altered: made again, it would be another page")
    ran, vouched = [row for row in rows if row.run], 0
    for row in ran:
        found, is_vouched = _examined(plan, folder, row, offline=offline)
        problems += [f"{row.target}: {line}" for line in found]
        vouched += is_vouched
    signed = signature.check_signature(folder / page.SUMMARY)
    return FleetVerified(str(said["digest"]), problems, len(ran), vouched, signed)


def _said(path: Path, fleet: Fleet) -> dict[str, Any]:
    if not path.is_file() or not path.with_name(page.PAGE).is_file():
        raise UsageError(f"There is no report in {path.parent}: `runbook fleet report {fleet.name}` makes it.")
    try:
        found: Any = standalone.strict(path, LARGEST)
        digest, rows = found["digest"], {row["target"]: row for row in found["targets"]}
        if digest != json_digest([[one[key] for key in ("target", "run", "status", "head")] for one in rows.values()]):
            raise ValueError(f"{path.name} is damaged: its digest is not that of its heads")
    except (KeyError, TypeError):
        raise UsageError(f"{path} is damaged: `runbook fleet report {fleet.name}` makes it anew.") from None
    except ValueError as error:
        raise UsageError(f"{path.parent}: {error}.") from None
    report: dict[str, Any] = found
    return report


def _differences(said: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Yield how the evidence now differs from what the report says, a line for each target."""
    was, here = ({row["target"]: row for row in one["targets"]} for one in (said, now))
    for name in {**was, **here}:
        before, after = was.get(name), here.get(name)
        if before is None or after is None:
            yield f"{name} is {'new' if before is None else 'gone'} since the report was made"
        elif before != after:
            keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
            yield f"{name}: the report differs from the evidence here in {', '.join(keys)}"
    if {**said, "targets": []} != {**now, "targets": []} and was == here:
        yield f"{page.SUMMARY} was altered: it is not what it was made of"


def _examined(plan: Plan, folder: Path, row: Row, *, offline: bool) -> tuple[list[str], bool]:
    """Return what is wrong with the evidence of a target's run, and whether somebody vouches for it."""
    if not row.head:
        why = "its manifest cannot be read" if row.status == overview.UNREADABLE else "it is under way, or died"
        return [f"run {row.run} is not sealed: {why}"], False
    try:
        found = verify.examine(plan, folder / row.target / row.run, offline=offline)
    except UsageError as error:
        return [str(error)], False
    lines = list(found.altered)
    if found.signature.good is False:
        lines.append(found.signature.words)
    if found.kept is False:
        lines.append(found.words)
    return lines, bool(found.proven_by)
