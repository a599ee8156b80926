"""Display: what a cell shows, as text and as HTML."""

from decimal import Decimal

import pytest

from runbook.query.table import Table, show_gate, show_header, show_progress, show_verdict

HOSTILE = "<script>alert('x')</script>"


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
        show_gate(HOSTILE, [("trigger", HOSTILE, None)], HOSTILE),
        show_progress(HOSTILE, 1, 2, HOSTILE),
    ],
    ids=["table", "verdict", "header", "gate", "progress"],
)
def test_html_is_escaped(shown):
    assert "<script" not in shown._repr_html_()


def test_a_verdict_says_what_it_decides():
    text = repr(show_verdict(False, "nobody left out", "no rows", "2 rows", [("trigger", "Somebody lost")]))
    assert text == "✗ FAIL  nobody left out: expected no rows, found 2 rows\n        trigger: Somebody lost"


@pytest.mark.parametrize(("fine", "verdict"), [(True, "open"), (False, "SHUT"), (None, "SHUT")])
def test_a_gate_is_open_only_where_everything_is_decided_and_fine(fine, verdict):
    rows = [("criterion", "a", True), ("trigger", "b", fine)]
    assert repr(show_gate("Task 1", rows, "Next.")).startswith(f"Gate {verdict} · Task 1")


def test_a_protected_environment_has_another_colour():
    html = [show_header("Task", [], protected)._repr_html_() for protected in (True, False)]
    assert html[0] != html[1]


@pytest.mark.parametrize(("done", "total", "share"), [(0, 4, "0%"), (1, 4, "25%"), (0, 0, "100%")])
def test_progress_is_a_share_of_the_whole(done, total, share):
    assert f": {share} ·" in repr(show_progress("shelves", done, total, "soon"))
