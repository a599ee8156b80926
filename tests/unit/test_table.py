"""Display: what a cell shows, as text and as HTML."""

import re
from decimal import Decimal

import pytest

from runbook.database.records import Check
from runbook.evidence.gate_rows import GateRow
from runbook.notebook.gate_view import show_boxes, show_gate
from runbook.query.table import FAIL, PASS, WARN, Table, show_header, show_progress, show_verdict

HOSTILE = "<script>alert('x')</script>"
VERDICTS = (True, False, None)
HOSTILE_CELLS = [GateRow("gate", HOSTILE, None, (Check(HOSTILE, HOSTILE, HOSTILE, False),), HOSTILE, HOSTILE)]


def test_a_table_shows_twenty_rows_and_says_how_many_there_are():
    table = Table(["n"], [[n] for n in range(1, 1235)])
    text, html = repr(table), table._repr_html_()
    assert "20 |" in text and "21 |" not in text
    assert text.endswith("… 1,214 more rows")
    assert html.count("<tr>") == 21
    assert "1,234 rows, the first 20 shown" in html
    assert len(table) == 1234


def test_twenty_rows_are_shown_whole():
    text = repr(Table(["n"], [[n] for n in range(20)]))
    assert "19 |" in text
    assert "more rows" not in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (True, "yes"),
        (False, "no"),
        (1234567, "1,234,567"),
        (Decimal("1234.50"), "1,234.5"),
        (0.1, "0.1"),
        ("", ""),
        ("x" * 200, "x" * 99 + "…"),
    ],
)
def test_a_value_is_made_readable(value, shown):
    lines = repr(Table(["value"], [[value]])).splitlines()
    assert lines[3].strip("| ") == shown


def test_numbers_stand_right_and_text_left():
    table = Table(["number", "text"], [[1, "a"], [None, "bb"]])
    assert (table.pretty.align["number"], table.pretty.align["text"]) == ("r", "l")


def test_showing_a_table_twice_shows_it_once():
    table = Table(["n"], [[1]])
    first, second = [(repr(table), table._repr_html_()) for _ in range(2)]
    assert first == second


def test_a_table_is_a_frame_with_the_plain_values():
    frame = Table(["n", "name"], [[1000, None], [2, "b"]]).DataFrame()
    assert list(frame["n"]) == [1000, 2]


def test_a_single_wide_row_stands_upright():
    names = [f"column_{n}" for n in range(7)]
    assert Table(names, [range(7)])._repr_html_().count("<tr>") == 7
    assert Table(names, [range(7)] * 2)._repr_html_().count("<tr>") == 3
    assert Table(names[:6], [range(6)])._repr_html_().count("<tr>") == 2


def test_a_table_of_many_columns_folds_and_keeps_its_first():
    names = ["plan", *(f"pool_{n}" for n in range(9))]
    rows = [[f"plan {row}", *range(row, row + 9)] for row in range(3)]
    parts = Table(names, rows)._repr_html_().split("<table")[1:]
    assert [part.count("<th ") for part in parts] == [6, 5]
    assert all("plan 2</td>" in part for part in parts)
    assert [name for part in parts for name in re.findall(r"pool_<wbr>\d", part)] == [
        f"pool_<wbr>{n}" for n in range(9)
    ]


def test_what_a_wide_table_says_in_every_row_is_said_once_below_it():
    names = ["schemaname", "tablename", "policyname", "permissive", "roles", "cmd"]
    rows = [["public", table, "members & guests", True, "{a}", "SELECT"] for table in ("one", "two")]
    html = Table(names, rows)._repr_html_()
    assert html.count("<th ") == 1
    assert "2 rows; in every row: schemaname public, policyname members &amp; guests, permissive yes, " in html
    assert Table(names, [rows[0]] * 2)._repr_html_().count("<th ") == 6  # something must be left to show
    assert Table(names[:5], [row[:5] for row in rows])._repr_html_().count("<th ") == 5


def test_a_narrow_window_breaks_a_long_name_at_its_underscores():
    html = Table(["a"], [["organization_credits"], ["too_short"]])._repr_html_()
    assert "organization_<wbr>credits" in html
    assert "too_short" in html


def test_a_wide_table_scrolls_under_its_first_column_and_keeps_the_indent_of_a_plan():
    html = Table(["plan", "rows"], [["  ->  Index Scan", 1]])._repr_html_()
    assert [html.count(one) for one in ("position:sticky", "white-space:pre-wrap", ">  -&gt;  Index Scan<")] == [
        2,
        2,
        1,
    ]
    assert "text-align:right" in html


def test_columns_of_one_name_are_kept_apart():
    assert len(set(Table(["n", "n"], [[1, 2]]).field_names)) == 2


def test_an_empty_table_shows_its_columns():
    assert "name" in repr(Table(["name"], []))


@pytest.mark.parametrize(
    "shown",
    [
        Table([HOSTILE], [[HOSTILE]]),
        show_verdict(False, HOSTILE, HOSTILE, HOSTILE, [("criterion", HOSTILE)]),
        show_header(HOSTILE, [(HOSTILE, HOSTILE)], protected=True),
        show_gate(HOSTILE, {"gate": HOSTILE_CELLS, "trigger": HOSTILE_CELLS}, [(HOSTILE, HOSTILE_CELLS)], 0, HOSTILE),
        show_boxes(HOSTILE, HOSTILE_CELLS),
        show_progress(HOSTILE, 1, 2, HOSTILE),
    ],
    ids=["table", "verdict", "header", "gate", "boxes", "progress"],
)
def test_html_is_escaped(shown):
    assert "<script" not in shown._repr_html_()


def test_a_verdict_says_what_it_decides():
    text = repr(show_verdict(False, "nobody left out", "no rows", "2 rows", [("trigger", "Somebody lost")]))
    assert text == "✗ FAIL  nobody left out: expected no rows, found 2 rows\n        trigger: Somebody lost"


@pytest.mark.parametrize(("fine", "verdict"), [(True, "open"), (False, "SHUT"), (None, "SHUT")])
def test_a_gate_is_open_only_where_everything_is_decided_and_fine(fine, verdict):
    rows = {"gate": [], "criterion": [GateRow("criterion", "a", True)], "trigger": [GateRow("trigger", "b", fine)]}
    assert repr(show_gate("Task 1", rows, [], 0, "Next.")).startswith(f"Gate {verdict} · Task 1")


CHECK = Check("nobody is left out", "no rows", "2 rows", False)


def test_the_matrix_shows_every_task_and_which_gate_is_not_green():
    green, red, open_ = (GateRow("gate", "Functional Testing", fine, (CHECK,), key="functional") for fine in VERDICTS)
    shown = show_gate("Task 1", {"gate": [red]}, [("0", [green]), ("1", [red]), ("2", [open_]), ("3", None)], 1, "")
    text = [line.split() for line in repr(shown).splitlines()[1:6]]
    assert text == [["functional"], ["0", "✓", "1"], ["▸", "1", "✗", "1"], ["2", "?", "1"], ["3", "·"]]
    html = shown._repr_html_()
    cells = re.findall(r"<td title=[^>]*background:([^;]+)", html)
    assert cells == [PASS, FAIL, WARN]


def test_a_quality_gate_unfolds_to_its_checks_and_stands_open_where_it_is_not_green():
    red, green = (GateRow("gate", "Functional Testing", fine, (CHECK,), "It works") for fine in (False, True))
    shown = [show_gate("Task 1", {"gate": [row]}, [], 0, "")._repr_html_() for row in (red, green)]
    assert ["<details open " in html for html in shown] == [True, False]
    assert all("nobody is left out: 2 rows" in html for html in shown)


@pytest.mark.parametrize("fine", VERDICTS)
def test_no_verdict_is_told_by_the_colour_of_its_words_which_a_dark_page_hides(fine):
    rows = [GateRow("gate", "Functional Testing", fine, (CHECK,), key="functional")]
    html = show_gate("Task 1", {"gate": rows, "trigger": rows}, [("1", rows)], 0, "")._repr_html_()
    assert set(re.findall(r"(?<![-\w])color:([^;\"]+)", html)) == {"#fff"}


def test_boxes_are_ticked_crossed_or_empty():
    rows = [GateRow("box", "a", fine) for fine in VERDICTS]
    assert repr(show_boxes("Preparation", rows)).splitlines() == ["Preparation", "☑ a", "☒ a", "☐ a"]


def test_a_protected_environment_has_another_colour():
    html = [show_header("Task", [], protected)._repr_html_() for protected in (True, False)]
    assert html[0] != html[1]


@pytest.mark.parametrize(("done", "total", "share"), [(0, 4, "0%"), (1, 4, "25%"), (0, 0, "100%")])
def test_progress_is_a_share_of_the_whole(done, total, share):
    assert f": {share} ·" in repr(show_progress("shelves", done, total, "soon"))
