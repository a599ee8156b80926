"""Charts of a change: how an amount becomes another, step by step, and from before to after."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import pandas as pd
from IPython.display import Image
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from runbook.notebook.drawing import (
    GREY,
    INK,
    MARKERS,
    PALETTE,
    RED,
    SIZE,
    SKY,
    STYLE,
    add_legend,
    as_image,
    new_figure,
)
from runbook.query.statistics import Comparison

UP, DOWN, WHOLE = RED, SKY, GREY
ACROSS, MOST = 5, 10  # panels in a row, and in all
UNITS = ((1e9, "bn"), (1e6, "M"), (1e3, "k"))


@mpl.rc_context(STYLE)
def waterfall(frame: pd.DataFrame, label: str, steps: Mapping[str, Sequence[str]], *, title: str, unit: str) -> Image:
    """Draw how one amount becomes another, a panel per row of `frame`, each with a scale of its own.

    Args:
        frame: one row per panel; those beyond the tenth are only counted.
        label: column that names the panels.
        steps: the bars from top to bottom, each with its columns. The first is a whole and starts at zero; so does one
            of several columns, which are stacked. Any other is a change, and starts where the bar above it ends.
        title: says what is seen.
        unit: of the amounts.
    """
    rows = [{str(name): value for name, value in row.items()} for row in frame.head(MOST).to_dict("records")]
    figure = Figure(figsize=(SIZE[0], 1.1 + 1.6 * max(1, -(-len(rows) // ACROSS))), dpi=110, layout="constrained")
    figure.suptitle(f"{title} ({unit})", x=0.01, ha="left", fontweight="bold", fontsize=11)
    stacked = next((columns for columns in steps.values() if len(columns) > 1), ())
    for number, row in enumerate(rows):
        axes = figure.add_subplot(-(-len(rows) // ACROSS), min(ACROSS, len(rows)), number + 1)
        _fall(axes, row, steps)
        axes.set_title(_short(str(row[label])), fontsize=9)
        axes.set_yticks(range(len(steps)), list(steps) if number % ACROSS == 0 else [""] * len(steps), fontsize=8.5)
    for place, column in enumerate(stacked if rows else ()):
        figure.axes[0].barh(0, 0, color=PALETTE[place], label=column)
    add_legend(figure, stacked if rows else ())
    left = f"; {len(frame) - MOST} more are not drawn" if len(frame) > MOST else ""
    words = "; ".join(f"{row[label]}: {_in_words(row, steps)}" for row in rows)
    return as_image(figure, f"{title}. {unit}. {words}{left}")


@mpl.rc_context(STYLE)
def slope(pairs: Sequence[Comparison], *, names: tuple[str, str], title: str, unit: str = "ms") -> Image:
    """Draw a line per comparison, from the median before to the median after, each end with its interval.

    Args:
        pairs: what was measured in pairs; nothing else is comparable.
        names: of the two ends.
        title: says what is seen.
        unit: of the medians.
    """
    figure, axes = new_figure(title)
    for number, pair in enumerate(pairs):
        ends = [pair.before.summary(), pair.after.summary()]
        colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        axes.plot([0, 1], [end["median"] for end in ends], color=colour, marker=marker, markersize=7, linewidth=2)
        for place, (end, side, shift) in enumerate(zip(ends, ("right", "left"), (-12, 12), strict=True)):
            axes.plot([place, place], [end["low"], end["high"]], color=colour, linewidth=5, alpha=0.35)
            words = f"{end['median']:,.3g} {unit}" + (f" ({pair.change:+.1f} %)" if place else "")
            said = f"{pair.name}: {words}" if len(pairs) > 1 and place else words
            axes.annotate(
                said, (place, end["median"]), (shift, 0), textcoords="offset points", ha=side, va="center", color=INK
            )
    axes.set_xticks([0, 1], list(names))
    axes.set_xlim(-0.5, 1.9)
    highest = max((end.summary()["high"] for pair in pairs for end in (pair.before, pair.after)), default=1.0)
    axes.set_ylim(0, 1.2 * highest)
    axes.set_ylabel(f"{unit} (bar: 99 % confidence)")
    axes.grid(axis="x", visible=False)
    words = "; ".join(f"{pair.name}: {pair.before.median:,.3g} to {pair.after.median:,.3g}" for pair in pairs)
    return as_image(figure, f"{title}. {unit}, {names[0]} to {names[1]}. {words}")


def _fall(axes: Axes, row: Mapping[str, object], steps: Mapping[str, Sequence[str]]) -> None:
    """Draw the bars of one panel."""
    level = 0.0
    for place, columns in enumerate(steps.values()):
        is_whole = place == 0 or len(columns) > 1
        if place:
            axes.plot([level, level], [place - 1, place], color=GREY, linewidth=0.8)
        begun = 0.0 if is_whole else level
        level = begun
        for number, column in enumerate(columns):
            amount = _amount(row, column)
            colour = PALETTE[number] if len(columns) > 1 else WHOLE if is_whole else UP if amount >= 0 else DOWN
            axes.barh(place, amount, 0.6, left=level, color=colour)
            level += amount
        said = _rounded(level) if is_whole else f"{'+' if level >= begun else '−'}{_rounded(abs(level - begun))}"
        axes.annotate(
            said, (max(level, begun), place), (4, 0), textcoords="offset points", va="center", fontsize=8, color=INK
        )
    axes.invert_yaxis()
    axes.margins(x=0.55)
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]) if level < 0 else 0.0)
    axes.set_xticks([])
    axes.grid(visible=False)


def _in_words(row: Mapping[str, object], steps: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{name} {sum(_amount(row, one) for one in columns):,.15g}" for name, columns in steps.items())


def _amount(row: Mapping[str, object], column: str) -> float:
    return float(str(row[column] or 0))


def _rounded(amount: float) -> str:
    """Return an amount in three digits and a unit, as in `1.72M`."""
    for size, name in UNITS:
        if abs(amount) >= size:
            return f"{amount / size:.3g}{name}"
    return f"{amount:,.4g}"


def _short(name: str) -> str:
    return name if len(name) <= 16 else f"{name[:15]}…"
