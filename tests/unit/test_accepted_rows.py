"""The rows an acceptance covers: told apart by key and difference, or by the key alone."""

from decimal import Decimal

from runbook.database import acceptances


def test_rows_without_a_difference_have_a_digest_of_their_own() -> None:
    alone = acceptances.digest({"a": None, "b": None})
    assert len(alone) == 64
    assert alone != acceptances.digest({"a": None})
    assert alone != acceptances.digest({"a": None, "b": Decimal(0)})


def test_a_difference_counts_by_its_value_not_by_its_digits() -> None:
    assert acceptances.digest({"a": Decimal("5")}) == acceptances.digest({"a": Decimal("5.00")})
    assert acceptances.digest({"a": Decimal("5")}) != acceptances.digest({"a": Decimal("6")})
