"""The outcome of a task: the plan's words, with the figures of a note."""

import pytest
from pydantic import TypeAdapter, ValidationError

from runbook.evidence.outcome import outcome_of
from runbook.plan.model import Outcome

TOLD = Outcome("moved", "{shelves:,} shelves moved; books {before:,} → {after:,} ({share:+.1f} %)")
SAID = "5,000 shelves moved; books 1,000 → 1,100 (+10.0 %)"
FIGURES = {"shelves": 5000, "before": 1000, "after": "1100.0", "share": 10.0}


def test_the_figures_of_a_note_stand_in_the_plans_words():
    assert outcome_of(TOLD, {"moved": FIGURES}) == SAID


def test_of_a_table_the_first_row_counts():
    table = {"names": list(FIGURES), "rows": [list(FIGURES.values()), [1, 2, 3, 4]]}
    assert outcome_of(TOLD, {"moved": table}) == SAID


@pytest.mark.parametrize("value", [None, "<b>all</b>", "nan", [1], "inf"])
def test_what_is_no_number_is_not_said(value):
    said = outcome_of(TOLD, {"moved": FIGURES | {"shelves": value}})
    assert said.startswith("? shelves moved; books 1,000")


def test_nothing_is_a_figure_too():
    assert outcome_of(TOLD, {"moved": FIGURES | {"before": 0}}).startswith("5,000 shelves moved; books 0 →")


@pytest.mark.parametrize("notes", [{}, {"moved": "all"}, {"other": FIGURES}])
def test_without_its_note_nothing_is_said(notes):
    assert outcome_of(TOLD, notes) == ""


def test_without_words_nothing_is_said():
    assert outcome_of(None, {"moved": FIGURES}) == ""


@pytest.mark.parametrize("words", ["{0} moved", "{} moved", "{a.b} moved", "{a[0]} moved", "{moved"])
def test_a_figure_that_has_no_name_is_refused(words):
    with pytest.raises(ValidationError):
        TypeAdapter(Outcome).validate_python({"note": "moved", "words": words})
