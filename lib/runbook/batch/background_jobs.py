"""Jobs for a run's workers, which import what they need themselves, so that the run does not wait for it."""

from pathlib import Path
from typing import Any

from runbook.evidence.drift import ReplayOutcome
from runbook.plan.plan import Environment, Plan


def render_page(notebook: Path) -> Path:
    """Write an executed notebook as HTML; see `notebook_html.render`."""
    from runbook.report import notebook_html

    return notebook_html.render(notebook)


def compare_expected(executed: Path, wanted: Path, strict: bool, keep: bool) -> dict[str, Any] | None:
    """Compare an executed notebook with the expected one; None where there is none.

    Args:
        executed: what the run left.
        wanted: the expected notebook.
        strict: see `expected.compare`.
        keep: make the executed notebook the expected one first.
    """
    from runbook.evidence import expected, replay  # noqa: F401 - what `look_again` needs, before it is waited for

    if keep:
        expected.keep_expected(executed, wanted)
    return expected.compare_notebooks(executed, wanted, strict=strict).summary() if wanted.exists() else None


def replay(plan: Plan, environment: Environment, folder: Path, manifest: dict[str, Any]) -> ReplayOutcome:
    """Run the `verify` cells once more; see `replay.replay_cells`."""
    from runbook.evidence import replay

    return replay.replay_cells(plan, environment, folder, manifest)


def build_report(folder: Path) -> tuple[Path, str]:
    """Write the report of a run; return it, and what it says to do next."""
    from runbook.report import report

    return report.build_report(folder), report.next_step(folder)
