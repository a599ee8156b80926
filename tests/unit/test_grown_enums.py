"""Enums that have only grown count as they were: PostgreSQL takes no value away."""

from runbook.changes.schemas import with_enums_as_before

BEFORE = "CREATE TYPE public.kind AS ENUM (\n    'a',\n    'b'\n);\nCREATE TABLE public.t (\n    k public.kind\n);\n"


def test_an_enum_that_has_grown_is_as_it_was() -> None:
    assert with_enums_as_before(BEFORE, BEFORE.replace("'b'\n", "'b',\n    'c',\n    'd, e'\n")) == BEFORE


def test_an_enum_with_another_value_in_front_or_none_is_not() -> None:
    for after in (BEFORE.replace("'a',", "'z',\n    'a',"), BEFORE.replace("'a',\n    ", "")):
        assert with_enums_as_before(BEFORE, after) == after


def test_another_enum_and_whatever_stands_beside_it_are_left_alone() -> None:
    after = (
        BEFORE.replace("k public.kind", "k public.kind,\n    n integer")
        + "CREATE TYPE public.other AS ENUM (\n    'x'\n);\n"
    )
    assert with_enums_as_before(BEFORE, after) == after
