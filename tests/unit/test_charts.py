"""Charts: what each says in its text, and that data is never taken for markup."""

import numpy as np
import pandas as pd
import pytest

from runbook.notebook import charts, drawing
from runbook.query.statistics import Comparison, Measurement

STEPS = {"old": ["before"], "change": ["change"], "new": ["left", "right"], "more": ["more"]}
MARKUP = r"$\frac{1}{$"


def shelves(count: int, name: str = "shelf {}") -> pd.DataFrame:
    """Rows of a table in which what is new adds up to what was old and the change."""
    columns = {"before": 100, "change": -20, "left": 30, "right": 50, "more": 7}
    return pd.DataFrame([{"shelf": name.format(number), **columns} for number in range(count)])


def waterfall(frame: pd.DataFrame):
    return charts.waterfall(frame, "shelf", STEPS, title="What became of the books", unit="books")


def comparison(name: str, factor: float) -> Comparison:
    before = np.linspace(0.9, 1.1, 99)
    return Comparison(name, Measurement("before", before), Measurement("after", factor * before))


def test_a_waterfall_says_what_becomes_of_an_amount_step_by_step():
    drawn = waterfall(shelves(1))
    assert drawn.alt == "What became of the books. books. shelf 0: old 100, change -20, new 80, more 7"
    assert drawn.data.startswith(b"\x89PNG")


@pytest.mark.parametrize(("count", "left_out"), [(10, ""), (12, "; 2 more are not drawn")])
def test_a_waterfall_counts_the_panels_it_does_not_draw(count, left_out):
    said = waterfall(shelves(count)).alt
    assert said.count("old 100") == 10
    assert said.partition("more 7")[2].endswith(left_out or "more 7")


NOTHING = pd.DataFrame(columns=["row", "column", "shown", "right"])


@pytest.mark.parametrize(
    "draw",
    [
        lambda: waterfall(shelves(0)),
        lambda: charts.bars(NOTHING, "row", ["right"], title="Nothing", unit="books"),
        lambda: charts.intervals([], title="Nothing", unit="ms"),
        lambda: charts.intervals([], title="Nothing", unit="ms", log=True),
        lambda: charts.lines(NOTHING, "row", ["right"], title="Nothing", xlabel="s", ylabel="books"),
        lambda: charts.slope([], names=("one", "four"), title="Nothing"),
        lambda: charts.matrix(NOTHING, title="Nothing", rows="row", columns="column", shown="shown", right="right"),
    ],
    ids=["waterfall", "bars", "intervals", "log", "lines", "slope", "matrix"],
)
def test_a_chart_of_nothing_is_drawn_all_the_same(draw):
    assert draw().data


def test_a_slope_leads_from_each_median_to_the_other():
    drawn = charts.slope([comparison("a read", 1.5)], names=("one", "four"), title="A read")
    assert drawn.alt == "A read. ms, one to four. a read: 1 to 1.5"


def test_what_looks_like_mathematics_in_a_name_is_a_name():
    assert MARKUP in waterfall(shelves(1, MARKUP.replace("{", "{{").replace("}", "}}"))).alt
    bars = charts.bars(pd.DataFrame({"plan": [MARKUP], "rows": [3]}), "plan", ["rows"], title="Rows", unit="rows")
    assert f"{MARKUP}: rows 3" in bars.alt


def test_a_limit_is_drawn_beside_what_it_is_for():
    _, axes = drawing.new_figure("Latency")
    drawing.draw_limit(axes, 10, "%", 0.25)
    assert list(axes.lines[0].get_ydata()) == [0.75, 1]
