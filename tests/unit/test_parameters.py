"""Parameters: what a cell declares, and what may be given for it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook.errors import UsageError
from runbook.plan import parameters
from runbook.plan.parameters import Parameter

KNOWN = parameters.declarations(
    'name: str = "a"  # a word\n'
    "count: int = 1\n"
    "share: float = 0.5\n"
    "sure: bool = False\n"
    "many: list[int] = [1, 2]\n"
    "map: dict = {}\n"
    "import os\n"
    "plain = 3\n"
)
LITERALS = {
    "str": st.text(),
    "int": st.integers(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "list": st.lists(st.integers()),
    "dict": st.dictionaries(st.text(), st.integers()),
}


def test_a_declaration_has_name_type_default_and_comment():
    assert KNOWN["name"] == Parameter("name", "str", "a", "a word")
    assert KNOWN["many"] == Parameter("many", "list", [1, 2], "")
    assert "plain" not in KNOWN


def test_a_comment_begins_behind_the_value():
    assert parameters.declarations('tint: str = "#fff"  # a colour')["tint"].comment == "a colour"


@given(st.sampled_from(sorted(LITERALS)).flatmap(lambda kind: st.tuples(st.just(kind), LITERALS[kind])))
def test_whatever_is_declared_is_read_back_and_fits_its_own_type(drawn: tuple[str, Any]):
    kind, value = drawn
    known = parameters.declarations(f"it: {kind} = {value!r}  # said")
    assert known["it"] == Parameter("it", kind, value, "said")
    parameters.check_values(known, {"it": value}, "here")


@pytest.mark.parametrize(("source", "complaint"), [("x: int = f()", "no literal"), ("x: set = 1", "type 'set'")])
def test_a_declaration_that_cannot_be_checked_is_refused(source, complaint):
    with pytest.raises(UsageError, match=complaint):
        parameters.declarations(source)


@pytest.mark.parametrize(
    "values", [{}, {"share": 1}, {"share": 0.1}, {"name": ""}, {"sure": True}, {"many": []}, {"map": {"a": 1}}]
)
def test_values_of_the_declared_type_pass(values):
    parameters.check_values(KNOWN, values, "here")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"nme": "a"}, "here has no parameter 'nme'; it has name, count"),
        ({"count": "3"}, "'count' must be of type int, not str"),
        ({"count": True}, "'count' must be of type int, not bool"),
        ({"count": 1.0}, "'count' must be of type int, not float"),
        ({"share": True}, "'share' must be of type float, not bool"),
        ({"sure": 1}, "'sure' must be of type bool, not int"),
        ({"name": None}, "'name' must be of type str, not NoneType"),
        ({"many": (1,)}, "'many' must be of type list, not tuple"),
    ],
)
def test_anything_else_is_refused_by_name(values, complaint):
    with pytest.raises(UsageError, match=complaint):
        parameters.check_values(KNOWN, values, "here")


def test_assigned_names_are_found_with_and_without_a_type():
    assert parameters.assigned("a = 1\nb: int = 2\nprint(a)") == {"a", "b"}


def test_a_text_parameter_that_looks_like_a_number_stays_text():
    known = parameters.declarations('reference: str = ""  # of a project\nworkers: int = 2  # how many')
    assert parameters.parse_given(known, [("reference", "123"), ("workers", "4")]) == {"reference": "123", "workers": 4}
