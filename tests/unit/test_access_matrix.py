"""What is right in an access matrix: what is declared, and what was found where nothing is taken from anybody."""

import pandas as pd
import pytest

from runbook.query import access_matrix
from runbook.query.expectation import Refused
from runbook.query.table import Table

NAME = "shelves · delete"
DENIED, DONE = Refused(access_matrix.NOT_ALLOWED, "permission denied"), Table(["command"], [["DELETE 1"]])
COMPUTED = Refused(access_matrix.COMPUTED, "column can only be updated to DEFAULT")


@pytest.mark.parametrize(
    ("declared", "was", "is_narrowed", "now", "right"),
    [
        ("1", "denied", False, DENIED, True),
        ("1", "denied", True, DENIED, True),
        ("1", "1", True, DENIED, False),
        ("denied", "1", False, DONE, True),
        ("denied", "1", True, DONE, False),
        ("denied", "0", True, DENIED, True),
        ("denied", "428C9", True, COMPUTED, True),
        ("1", "1", False, COMPUTED, False),
    ],
)
def test_as_found_is_right_but_where_it_was_to_be_narrowed(declared, was, is_narrowed, now, right):
    here = (NAME, "reader")
    found = access_matrix.matrix(
        lambda persona, statement: now,
        {NAME: "DELETE FROM shelves"},
        pd.DataFrame({"reader": [declared]}, index=[NAME]),
        {here: was},
        {here} if is_narrowed else set(),
    )
    assert found["right"].tolist() == [right]
