"""Charts: one size, one palette, units on every axis, a text for each."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import pandas as pd
from IPython.display import Image

from runbook.notebook.charts_of_change import slope, waterfall
from runbook.notebook.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MARKERS,
    ORANGE,
    PALETTE,
    PURPLE,
    RED,
    STYLE,
    add_legend,
    as_image,
    draw_limit,
    name_value,
    new_figure,
)

__all__ = ["GREY", "ORANGE", "PURPLE", "bars", "intervals", "lines", "matrix", "slope", "waterfall"]


@mpl.rc_context(STYLE)
def bars(
    frame: pd.DataFrame,
    label: str,
    values: Sequence[str],
    *,
    title: str,
    unit: str,
    limit: float | None = None,
    log: bool = False,
) -> Image:
    """Draw horizontal bars, a group per row of `frame`.

    Args:
        frame: one row per group.
        label: column that names the groups.
        values: numeric columns, a bar each.
        title: says what is seen.
        unit: of the values, for the axis.
        limit: drawn as a dashed line.
        log: whether the axis is logarithmic.
    """
    figure, axes = new_figure(title, rows=len(frame) * len(values))
    height = 0.8 / len(values)
    for number, column in enumerate(values):
        places = [row + height * (number - (len(values) - 1) / 2) for row in range(len(frame))]
        drawn = axes.barh(places, frame[column].astype(float), height * 0.9, color=PALETTE[number], label=column)
        axes.bar_label(
            drawn,
            labels=[f"{value:,.4g}" if value < 1000 else f"{value:,.0f}" for value in frame[column].astype(float)],
            padding=3,
            fontsize=8.5,
            color=GREY,
        )
    axes.set_yticks(range(len(frame)), [str(value) for value in frame[label]])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(unit)
    if log:
        axes.set_xscale("symlog")
    axes.margins(x=0.14)
    draw_limit(axes, limit, unit)
    add_legend(figure, values)
    words = "; ".join(
        f"{row[label]}: " + ", ".join(f"{column} {row[column]:,.6g}" for column in values)
        for _, row in frame.head(12).iterrows()
    )
    return as_image(figure, f"{title}. {unit}. {words}")


@mpl.rc_context(STYLE)
def intervals(
    figures: Sequence[dict[str, Any]],
    *,
    title: str,
    unit: str,
    limits: Sequence[float] = (),
    limited: int | None = None,
    log: bool = False,
) -> Image:
    """Draw estimates with their confidence intervals.

    Args:
        figures: summaries of measurements (`median`) or comparisons (`change`), each with `name`, `low`, `high`.
        title: says what is seen.
        unit: of the values, for the axis.
        limits: drawn as dashed lines.
        limited: how many figures, from the first, the limits are for; None: all.
        log: whether the axis is logarithmic.
    """
    figure, axes = new_figure(title, rows=len(figures) * 1.5)
    for place, one in enumerate(figures):
        middle = one.get("median", one.get("change", 0.0))
        axes.plot([one["low"], one["high"]], [place, place], color=BLUE, linewidth=5, alpha=0.35, solid_capstyle="butt")
        axes.plot(middle, place, "o", color=BLUE, markersize=7)
    axes.set_yticks(range(len(figures)), [one["name"] for one in figures])
    axes.set_ylim(len(figures) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"{unit} (dot: estimate, bar: 99 % confidence)")
    for limit in limits:
        draw_limit(axes, limit, unit, 1 if limited is None else limited / max(len(figures), 1))
    axes.margins(x=0.08)
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:g}"))
    else:
        axes.set_xlim(left=min([0.0, *(1.1 * one["low"] for one in figures)]))
    for place, one in enumerate(figures):
        name_value(axes, one.get("median", one.get("change", 0.0)), place)
    words = "; ".join(f"{one['name']}: {one.get('median', one.get('change')):,.3g}" for one in figures)
    return as_image(figure, f"{title}. {unit}. {words}")


@mpl.rc_context(STYLE)
def lines(
    frame: pd.DataFrame,
    x: str,
    values: Sequence[str],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    spans: Sequence[Mapping[str, Any]] = (),
) -> Image:
    """Draw a line per column in `values` over column `x`, and behind it the spans of `x`: `begin`, `end`, `why`."""
    figure, axes = new_figure(title)
    for number, column in enumerate(values):
        width = 2 + 1.5 * (len(values) - 1 - number)  # the lower thicker: of two equal lines both are seen
        (line,) = axes.plot(frame[x], frame[column].astype(float), color=PALETTE[number], linewidth=width, label=column)
        if len(values) > 1:
            line.set(marker=MARKERS[number], markevery=max(1, len(frame) // 12), markersize=5 + width / 2)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.set_ylim(0, 1.07 * max([float(frame[column].max()) for column in values if len(frame)], default=1.0) or 1.0)
    axes.yaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:,.10g}"))
    reasons: list[str] = []
    for span in spans:
        named = span["why"] if span["why"] not in reasons else None
        reasons += [named] if named else []
        tint = _pale(PALETTE[(len(values) + reasons.index(span["why"])) % len(PALETTE)])
        axes.axvspan(span["begin"], span["end"], color=tint, linewidth=0, zorder=0, label=named)
    add_legend(figure, [*values, *reasons])
    ends = "; ".join(f"{column} ends at {frame[column].iloc[-1]:,.6g}" for column in values) if len(frame) else "empty"
    told = "".join(f"; {span['why']} from {span['begin']:.3g} to {span['end']:.3g}" for span in spans)
    return as_image(figure, f"{title}. {ylabel} over {xlabel}. {ends}{told}")


@mpl.rc_context(STYLE)
def matrix(
    frame: pd.DataFrame,
    *,
    title: str,
    rows: str,
    columns: str,
    shown: str,
    right: str,
    group: str = "",
    tints: Mapping[str, str] | None = None,
) -> Image:
    """Draw a matrix of verdicts, the columns named on top: a cell says `shown`; a wrong one stands out by a cross.

    Args:
        frame: one row per cell.
        title: says what is seen.
        rows: column that names the rows.
        columns: column that names the columns.
        shown: column with the text of a cell.
        right: boolean column; where it is false the cell is wrong.
        group: column that gathers rows under a heading.
        tints: colour of a right cell by its text; any other is green.
    """
    places, headings = _places(frame, rows, group)
    across = list(dict.fromkeys(frame[columns]))
    depth = max([*places.values(), *headings.values()], default=0) + 1
    figure, axes = new_figure(title, rows=0.72 * depth)
    tiles = []
    for cell in frame.to_dict("records"):
        spot = across.index(cell[columns]), places[str(cell.get(group, "")), cell[rows]]
        tint = _pale((tints or {}).get(cell[shown], GREEN)) if cell[right] else RED
        tiles.append(mpl.patches.Rectangle((spot[0] - 0.48, spot[1] - 0.44), 0.96, 0.88, color=tint, linewidth=0))
        text, ink = (cell[shown], INK) if cell[right] else (f"✗ {cell[shown]}", "white")
        axes.text(*spot, text, ha="center", va="center", fontsize=7.5, color=ink, in_layout=False)  # it lies within
    axes.add_collection(mpl.collections.PatchCollection(tiles, match_original=True, in_layout=False))
    for heading, place in headings.items():
        axes.text(-0.6, place + 0.12, heading, ha="right", va="center", fontweight="bold", fontsize=8.5, color=INK)
        axes.plot([-0.5, len(across) - 0.5], [place + 0.4] * 2, color="#d8dee4", linewidth=1)
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(across)), [re.sub(r" |(?<=_)", "\n", name) for name in across], fontsize=7.5)
    axes.set_yticks(list(places.values()), [name for _, name in places], fontsize=8.5)
    axes.tick_params(length=0)
    axes.set_xlim(-0.5, max(len(across), 1) - 0.5)
    axes.set_ylim(depth - 0.4, -0.6)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    wrong = int((~frame[right].astype(bool)).sum())
    return as_image(figure, f"{title}. {len(frame)} cells, {wrong} not as declared.")


def _places(frame: pd.DataFrame, rows: str, group: str) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Return the line of every row, by group and name, and the line of every heading."""
    places: dict[tuple[str, str], int] = {}
    headings: dict[str, int] = {}
    for cell in frame.to_dict("records"):
        key = str(cell.get(group, "")), cell[rows]
        if group and key[0] not in headings:
            headings[key[0]] = len(places) + len(headings)
        places.setdefault(key, len(places) + len(headings))
    return places, headings


def _pale(colour: str) -> tuple[float, ...]:
    return tuple(0.22 * part + 0.78 for part in mpl.colors.to_rgb(colour))
