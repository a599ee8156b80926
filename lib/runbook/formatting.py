"""Formatting: how moments, durations, sizes and values are written."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

MINUTE, HOUR = 60, 3600
ISO_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")
LONGEST = 160  # characters a value may take before it is folded


def parsed(moment: str | None) -> datetime | None:
    """Return an ISO 8601 moment as UTC; one without an offset is taken for UTC."""
    if not moment:
        return None
    found = datetime.fromisoformat(moment)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Return the seconds from one ISO 8601 moment to another, or None where one is missing."""
    first, last = parsed(start), parsed(end)
    return (last - first).total_seconds() if first and last else None


def moment(text: str | None) -> str:
    """Return an ISO 8601 moment in words: `2026-11-22 09:59:13 UTC`."""
    found = parsed(text)
    return f"{found:%Y-%m-%d %H:%M:%S} UTC" if found else "–"


def duration(seconds: float | None) -> str:
    """Return a duration in words: `0.42 s`, `12.3 s`, `4 min 05 s`, `2 h 05 min`."""
    if seconds is None:
        return "–"
    if round(seconds, 1) < MINUTE:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < HOUR:
        minutes, rest = divmod(whole, MINUTE)
        return f"{minutes} min {rest:02} s" if rest else f"{minutes} min"
    hours, rest = divmod(round(whole / MINUTE), MINUTE)
    return f"{hours} h {rest:02} min" if rest else f"{hours} h"


def share(ratio: float) -> str:
    """Return a share in percent, with two significant digits below 10 %."""
    percent = ratio * 100
    if percent >= 10 or percent == 0:
        return f"{percent:,.0f} %"
    return f"{percent:.1f} %" if percent >= 1 else f"{percent:.2g} %"


def size(count: float | None) -> str:
    """Return a number of bytes in the unit that suits it."""
    if count is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def amount(count: int, thing: str) -> str:
    """Return a number with its thing: `1 check`, `2 checks`, `no checks`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}" if count else f"no {thing}s"


def signed(number: float) -> str:
    """Return a number with its sign and one decimal: `+3.1`, `−2.0`."""
    return f"{number:+,.1f}".replace("-", "−")


def tasks(numbers: Sequence[int]) -> str:
    """Return task numbers in words: `Task 2`, `Tasks 0 to 3`, `Tasks 0, 2 and 5`."""
    numbers = sorted(numbers)
    if len(numbers) == 1:
        return f"Task {numbers[0]}"
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"Tasks {numbers[0]} to {numbers[-1]}"
    return f"Tasks {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def value(found: Any) -> str:
    """Return any JSON value in words; a long list inside an object is only counted."""
    if found is None or isinstance(found, bool):
        return {None: "–", True: "yes", False: "no"}[found]
    if isinstance(found, int):
        return f"{found:,}"
    if isinstance(found, float):
        return f"{found:,.4f}".rstrip("0").rstrip(".") if abs(found) >= 1e-4 or found == 0 else f"{found:.3g}"
    if isinstance(found, dict):
        return " · ".join(f"{name} {value(one)}" for name, one in found.items() if not _is_long(one))
    if isinstance(found, list):
        return ", ".join(map(value, found)) if not _is_long(found) else amount(len(found), "value")
    said = str(found)
    return moment(said) if ISO_MOMENT.fullmatch(said) else said


def text(found: Any) -> str:
    """Return any JSON value as lines that can be compared."""
    return found if isinstance(found, str) else json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True)


def escaped(said: str) -> str:
    """Return a text on one line, with control and direction characters escaped.

    Text from evidence is escaped before it is printed, so that it cannot look like a message of the runbook.
    """
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in said)


def _is_long(found: Any) -> bool:
    return isinstance(found, list) and (len(found) > 6 or any(isinstance(one, list | dict) for one in found))
