"""Large: what 100,000,000 organizations would take, by the tables that were measured."""

import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runbook import formatting

ROWS = 100_000_000
SEALED = "seal all rows"
UNDER_TRAFFIC = "the whole rollback, per organization"  # µs
# What grows with the table: its name, what a sample says of it, in words
GROWING: tuple[tuple[str, Callable[[Mapping[str, float]], float], Callable[[float], str]], ...] = (
    ("Backfill", lambda one: one["seconds"], formatting.duration),
    ("Build of the four indexes", lambda one: one["with_indexes"] - one["seconds"], formatting.duration),
    ("WAL of the backfill", lambda one: 1e6 * one["wal_mb"], formatting.size),
    ("Growth of the tables and their indexes", lambda one: 1e6 * one["grown_mb"], formatting.size),
)


def heads(parts: Mapping[str, Any]) -> list[str]:
    """Return the heads of the table: the sizes that were measured, and the one that was not."""
    return ["", *parts["linearity"]["samples"], f"{ROWS:,}, extrapolated"]


def rows(parts: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield a row for each thing that grows.

    The extrapolation takes it to grow on as from the smallest size to the largest: so much more per row each time the
    table is ten times as large. Seals and rollback were measured at one size; they are taken to grow with the rows.
    """
    samples = parts["linearity"]["samples"]
    for name, read, words in GROWING:
        measured = {_count(size): statistics.median(map(read, taken)) for size, taken in samples.items()}
        yield [name, *map(words, measured.values()), words(extrapolated(measured))]
    sealed = statistics.median(one["seconds"] for one in parts["audit"]["samples"][SEALED])
    of = parts["audit"]["facts"]["rows"]
    known = [formatting.duration(sealed) if _count(size) == of else "" for size in samples]
    yield ["Seals of as many audit rows", *known, formatting.duration(sealed * ROWS / of)]
    each = next(one["median"] for one in parts["online"]["findings"] if one["name"] == UNDER_TRAFFIC) / 1e6
    yield ["Rollback under traffic", *("" for _ in samples), formatting.duration(each * ROWS)]


def extrapolated(measured: Mapping[int, float]) -> float:
    """Return what `ROWS` would take by what smaller tables took."""
    smallest, largest = min(measured), max(measured)
    per_row = measured[largest] / largest
    growth = per_row / (measured[smallest] / smallest)  # over largest / smallest, a factor of ten
    return per_row * max(growth, 1) * ROWS


def _count(size: str) -> int:
    return int(size.replace(",", ""))
