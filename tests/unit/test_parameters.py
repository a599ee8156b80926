"""Parameters: what a cell declares, and what may be given for it."""

import math
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
    "str": st.text(st.characters(exclude_characters="\0")),
    "int": st.integers(-(2**63) + 1, 2**63 - 1),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "list": st.lists(st.integers()),
    "dict": st.dictionaries(st.text(st.characters(exclude_characters="\0")), st.integers()),
}


def test_a_declaration_has_name_type_default_and_comment():
    assert KNOWN["name"] == Parameter("name", "str", "a", "a word")
    assert KNOWN["many"] == Parameter("many", "list", [1, 2], item="int")
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
        ({"many": [1, "b"]}, "'many' must hold items of type int; item 2 is of type str"),
        ({"many": [True]}, "'many' must hold items of type int; item 1 is of type bool"),
        ({"name": "a\0b"}, "'name' must not hold the character with the code 0"),
        ({"map": {"a": ["\0"]}}, "'map' must not hold the character with the code 0"),
        ({"name": "a\udcff"}, "'name' must hold text, in UTF-8"),
        ({"map": {"\ud800": 1}}, "'map' must hold text, in UTF-8"),
        ({"share": float("inf")}, "'share' must be a finite number"),
        ({"share": float("nan")}, "'share' must be a finite number"),
        ({"count": 2**63}, "'count' must be a finite number"),
    ],
)
def test_anything_else_is_refused_by_name(values, complaint):
    with pytest.raises(UsageError, match=complaint):
        parameters.check_values(KNOWN, values, "here")


LIMITED = parameters.declarations(
    "share: float = 0.4  # 0..1; share of the total\n"
    "workers: int = 2  # 1..; how many\n"
    "below: int = -3  # ..-1.5; under water\n"
    'policy: str = "measured"  # one of measured, brief; what decides\n'
    "free: int = 5  # 3 …; no limit\n"
)


def test_a_limit_stands_before_the_semicolon():
    assert LIMITED["share"] == Parameter("share", "float", 0.4, "share of the total", low=0, high=1)
    assert LIMITED["policy"] == Parameter("policy", "str", "measured", "what decides", choices=("measured", "brief"))
    allowed = {name: one.allowed for name, one in LIMITED.items()}
    assert allowed == {
        "share": "from 0 to 1",
        "workers": "at least 1",
        "below": "at most -1.5",
        "policy": "measured or brief",
        "free": "",
    }


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("share", -0.4, "must be from 0 to 1, not -0.4"),
        ("share", 40, "must be from 0 to 1, not 40"),
        ("share", float("inf"), "must be a finite number, from 0 to 1"),
        ("workers", 0, "must be at least 1, not 0"),
        ("below", -1, "must be at most -1.5, not -1"),
        ("policy", "brie", "must be measured or brief."),
    ],
)
def test_a_value_beyond_its_limit_is_refused_with_what_is_allowed(name, value, complaint):
    with pytest.raises(UsageError) as refused:
        parameters.check_values(LIMITED, {name: value}, "here")
    assert str(refused.value).startswith(f"here: the parameter {name!r} {complaint}")


@pytest.mark.parametrize(("name", "value"), [("share", 0), ("share", 1.0), ("workers", 1), ("below", -2), ("free", -9)])
def test_a_limit_includes_its_ends(name, value):
    parameters.check_values(LIMITED, {name: value}, "here")


def test_everything_wrong_is_said_at_once():
    with pytest.raises(UsageError) as refused:
        parameters.check_values(LIMITED, {"share": 2, "workers": "two", "warkers": 2}, "here")
    assert [line.split(" parameter ")[1].split()[0] for line in str(refused.value).splitlines()] == [
        "'share'",
        "'workers'",
        "'warkers';",
    ]


@given(st.floats() | st.integers(), st.integers(-5, 5), st.integers(-5, 5))
def test_a_number_passes_exactly_where_it_is_finite_and_between(value, low, high):
    known = {"it": Parameter("it", "float", 0.0, low=low, high=high)}
    fits = math.isfinite(value) and low <= value <= high
    assert (known["it"].problem(value) == "") is fits


def test_a_default_beyond_its_own_limit_is_refused():
    with pytest.raises(UsageError, match=r"The default of the parameter 'share' must be from 0 to 1, not 2"):
        parameters.declarations("share: int = 2  # 0..1; share")


@pytest.mark.parametrize("text", ["1e400", "-1e400", "inf", "nan", "[" * 9999, "{[]: 1}", "9" * 9999])
def test_a_text_that_is_no_finite_number_is_refused_for_one(text):
    given_ = parameters.parse_given(LIMITED, [("share", text)])
    with pytest.raises(UsageError, match="the parameter 'share' must be"):
        parameters.check_values(LIMITED, given_, "here")


def test_assigned_names_are_found_with_and_without_a_type():
    assert parameters.assigned("a = 1\nb: int = 2\nprint(a)") == {"a", "b"}


def test_a_text_parameter_that_looks_like_a_number_stays_text():
    known = parameters.declarations('reference: str = ""  # of a project\nworkers: int = 2  # how many')
    assert parameters.parse_given(known, [("reference", "123"), ("workers", "4")]) == {"reference": "123", "workers": 4}
