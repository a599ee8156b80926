"""What charts are drawn with: one size, one palette readable by the colour-blind (Okabe and Ito), a text for each."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from IPython.display import Image
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

SIZE = (8.0, 3.6)  # inches
LETTERS = 120  # that fit beside each other in a legend
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442",
)  # fmt: skip
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED, YELLOW)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # beside the colours: for print without them
GREY = "#57606a"
INK = "#24292f"
STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 11,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#d8dee4",
    "grid.linewidth": 0.7,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "font.size": 9.5,
    "text.parse_math": False,  # data is never markup
    "legend.frameon": False,
}


def new_figure(title: str, rows: float = 0) -> tuple[Figure, Axes]:
    """Return an empty chart, high enough for so many rows."""
    figure = Figure(figsize=(SIZE[0], max(SIZE[1], 0.32 * rows + 1.2)), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes


def add_legend(figure: Figure, names: Sequence[str]) -> None:
    """Name what is drawn below the chart, where it is more than one thing."""
    if len(names) > 1:
        fitting = LETTERS // (max(map(len, names)) + 6)  # each with its mark
        figure.legend(loc="outside lower center", ncols=max(1, min(len(names), fitting)))


def name_value(axes: Axes, value: float, place: float) -> None:
    """Write a value above its dot, and not over the edge of the chart."""
    across = axes.transAxes.inverted().transform(axes.transData.transform((value, place)))[0]
    side = "left" if across < 0.04 else "right" if across > 0.96 else "center"
    shift = {"left": -2, "center": 0, "right": 2}[side]
    label = axes.annotate(f"{value:,.3g}", (value, place), (shift, 8), textcoords="offset points", ha=side, color=GREY)
    label.set(bbox={"facecolor": "white", "edgecolor": "none", "pad": 1}, zorder=3)


def draw_limit(axes: Axes, limit: float | None, unit: str, down: float = 1) -> None:
    """Draw a limit as a dashed line with its figure, where there is one; `down` is how far from the top, at most 1."""
    if limit is not None:
        axes.axvline(limit, ymin=1 - down, color=RED, linestyle="--", linewidth=1.4)
        axes.annotate(
            f"{limit:g} {unit.split(maxsplit=1)[0]}", (limit, 1), (4, -10), xycoords=("data", "axes fraction"),
            textcoords="offset points", color=RED, fontsize=8.5,
        )  # fmt: skip


def as_image(figure: Figure, alt: str) -> Image:
    """Return the chart as a picture with its text."""
    buffer = BytesIO()
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(buffer)  # savefig would draw it twice
    return Image(data=buffer.getvalue(), format="png", alt=alt)
