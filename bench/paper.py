"""Paper: the table in the terminal, the JSON and the charts of a bench."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from bench.figures import Finding, Part
from runbook.notebook.drawing import BLUE, GREEN, GREY, INK, RED, SIZE, STYLE

VERDICTS = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}
RESULTS = "bench.json"
SIGNS = {">=": "≥", "<=": "≤"}


def show(part: Part, console: Console) -> None:
    """Print what a part found: its subjects, then the figures that matter."""
    subjects = Table(title=part.title, title_justify="left", title_style="bold")
    subjects.add_column("subject")
    for metric, unit in part.units.items():
        subjects.add_column(f"{metric}\n{unit}" if unit not in metric else metric, justify="right")
    for name in part.samples:
        subjects.add_row(name, *(spread(part.values(name, metric)) for metric in part.units))
    console.print(subjects)
    findings = Table()
    for heading in ("figure", "median", "lowest … highest", "goal", ""):
        findings.add_column(heading, justify="right" if heading in {"median", "lowest … highest"} else "left")
    for one in part.findings:
        findings.add_row(one.name, short(one.median, one.unit), span(one.values), goal(one.goal), VERDICTS[one.reached])
    console.print(findings)


def write(folder: Path, parts: Sequence[Part], head: dict[str, Any]) -> Path:
    """Write `bench.json` and a chart per part into `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {
        part.name: {
            "title": part.title,
            "units": dict(part.units),
            "samples": part.samples,
            "findings": [one.summary() for one in part.findings],
            "facts": dict(part.facts),
        }
        for part in parts
    }
    text = json.dumps({**head, "parts": kept}, indent=1, ensure_ascii=False)
    (folder / RESULTS).write_text(text + "\n", encoding="utf-8")
    for part in parts:
        draw(part, folder / f"{part.name}.png")
    return folder


def draw(part: Part, path: Path) -> None:
    """Draw a bar per subject for the part's first metric and, below, what has a goal against it."""
    metric, unit = next(iter(part.units.items()))
    subjects = {name: values for name in part.samples if (values := part.values(name, metric))}
    goals = [one for one in part.findings if one.goal]
    with mpl.rc_context(STYLE):
        heights = (max(len(subjects), 2), max(len(goals), 1))
        figure = Figure(figsize=(SIZE[0], 0.42 * sum(heights) + 1.9), layout="constrained")
        upper, lower = figure.subplots(2, 1, height_ratios=heights)
        figure.suptitle(part.title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        _bars(upper, subjects)
        upper.set_xlabel(f"{unit} (bar: median, line: lowest to highest)")
        _held(lower, goals)
        figure.savefig(path, dpi=110)


def _bars(axes: Axes, subjects: Mapping[str, Sequence[float]]) -> None:
    for place, (name, values) in enumerate(subjects.items()):
        middle = Finding(name, values).median
        axes.barh(place, middle, 0.62, color=BLUE)
        axes.plot([min(values), max(values)], [place, place], color=INK, linewidth=1.4)
        axes.annotate(f" {short(middle)}", (max(values), place), va="center", color=GREY)
    axes.set_yticks(range(len(subjects)), list(subjects))
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.1)
    axes.locator_params(axis="x", nbins=6)  # so that figures of five digits do not touch


def _held(axes: Axes, goals: Sequence[Finding]) -> None:
    for place, one in enumerate(goals):
        scale = float(one.goal.split()[1]) or 1.0
        colour = GREEN if one.reached else RED
        ends = [min(one.values) / scale, max(one.values) / scale]
        axes.plot(ends, [place, place], color=colour, linewidth=5, alpha=0.35)
        axes.plot(one.median / scale, place, "o", color=colour, clip_on=False)
        words = f"{short(one.median, one.unit)}, goal {goal(one.goal)}"
        axes.annotate(
            words,
            (one.median / scale, place),
            xytext=(8, 8),
            textcoords="offset points",
            fontsize=8,
            color=GREY,
            bbox={"facecolor": "white", "lw": 0, "pad": 1},
        )
    axes.axvline(1, color=GREY, linestyle="--", linewidth=1.2)
    axes.set_yticks(range(len(goals)), [one.name for one in goals])
    axes.set_ylim(len(goals) - 0.4, -0.7)
    furthest = max([1.0, *(max(one.values) / (float(one.goal.split()[1]) or 1.0) for one in goals)])
    axes.set_xlim(0, 1.3 * furthest)  # room for the last words
    axes.set_xlabel("share of the goal (dashed: the goal)")


def spread(values: Sequence[float]) -> str:
    """Return median, lowest and highest in words."""
    if not values:
        return ""
    return f"{short(Finding('', values).median)} [dim]({span(values)})[/]" if len(values) > 1 else short(values[0])


def span(values: Sequence[float]) -> str:
    """Return lowest and highest in words."""
    return f"{short(min(values))} … {short(max(values))}"


def goal(text: str) -> str:
    """Return a goal, such as `>= 2.5`, in words; empty where there is none."""
    sign, _, number = text.partition(" ")
    return f"{SIGNS.get(sign, sign)} {number}" if text else ""


def short(value: float, unit: str = "") -> str:
    """Return a figure in three digits, with its unit where it has one."""
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}" if unit else digits
