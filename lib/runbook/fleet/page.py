"""The fleet's page: a row a target, waves on a timeline, one offline file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook import formatting
from runbook.evidence import signature
from runbook.evidence.manifest import write_whole
from runbook.fleet import overview
from runbook.fleet.overview import Row
from runbook.plan.fleets import OWN, Fleet
from runbook.plan.plan import Plan
from runbook.report.gates import STATES, Mark
from runbook.report.report import template

PAGE, SUMMARY = f"{OWN}html", f"{OWN}json"
UNREADABLE = Mark("bad", "✗", "unreadable")


@dataclass(frozen=True)
class WaveSpan:
    """When a wave ran, in percent of the fleet's whole time."""

    wave: int
    left: float
    width: float
    words: str


def build(plan: Plan, fleet: Fleet) -> tuple[Path, dict[str, Any]]:
    """Write the fleet's page, and the same as JSON beside it, signed if RUNBOOK_SIGNING_KEY names a key; return both.

    Raises:
        UsageError: the inventory is wrong, or the signature cannot be made.
    """
    signature.require_signing()
    rows = overview.rows_of(plan, fleet)
    folder = plan.outputs / fleet.name
    folder.mkdir(parents=True, exist_ok=True)
    found = overview.summary(fleet, rows)
    write_whole(folder / SUMMARY, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    write_whole(folder / PAGE, render(plan, rows, found))
    signature.sign(folder / SUMMARY)
    return folder / PAGE, found


def render(plan: Plan, rows: Sequence[Row], found: dict[str, Any]) -> str:
    """Return the page; `found` is the summary of the rows."""
    return template("fleet.html.j2").render(
        fleet=found,
        title=plan.title,
        rows=rows,
        marks={row.status: STATES.get(row.status, UNREADABLE) for row in rows},
        figures=[name for name in plan.figures if any(name in row.figures for row in rows)],
        sums={name: sum(row.figures.get(name, 0) for row in rows) for name in plan.figures},
        bars=bars_of(rows),
        # A target still to come needs nobody, until its wave has begun.
        attention=[row for row in rows if row.outlier or row.status not in ("complete", "not_run")],
    )


def bars_of(rows: Sequence[Row]) -> list[WaveSpan]:
    """Return when each wave ran; waves that did not begin are left out."""
    spans: dict[int, tuple[float, float, int]] = {}
    for row in rows:
        begun = formatting.parsed(row.started_at)
        if begun is None:
            continue
        first, last = begun.timestamp(), begun.timestamp() + (row.seconds or 0.0)
        low, high, count = spans.get(row.wave, (first, last, 0))
        spans[row.wave] = min(low, first), max(high, last), count + 1
    if not spans:
        return []
    begin = min(low for low, _, _ in spans.values())
    whole = max(max(high for _, high, _ in spans.values()) - begin, 1.0)
    return [
        WaveSpan(
            wave,
            round(100 * (low - begin) / whole, 2),
            round(max(100 * (high - low) / whole, 0.5), 2),
            f"{formatting.amount(count, 'target')}, {formatting.duration(high - low)}",
        )
        for wave, (low, high, count) in sorted(spans.items())
    ]
