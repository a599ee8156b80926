"""The content of a run: whatever decides what it will do, each part with its digest.

Parts come in groups (`FILES`, `PARAMETERS`, `TARGET`, `FAULT_INJECTION`), each a mapping from a name a person
understands to a digest, or to the thing itself where that is short. Two contents are compared group by group.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runbook.errors import UsageError
from runbook.plan.plan import Plan

FILES, PARAMETERS, TARGET, FAULT_INJECTION = "files", "parameters", "target", "fault_injection"
NOT_INJECTED = "not done"
Parts = dict[str, dict[str, str]]


def files(plan: Plan) -> dict[str, str]:
    """Return path → SHA-256 of the plan, the SQL and the sources of the notebooks; their outputs do not count."""
    notebooks = {task.notebook for task in plan.tasks}
    paths = sorted([plan.path, *plan.root.glob("sql/**/*.sql"), *notebooks])
    return {path.relative_to(plan.root).as_posix(): _sha256(_source(path)) for path in paths}


def plan_digest(plan: Plan) -> str:
    """Return the SHA-256 of everything that decides what a run does: plan, notebooks' sources, SQL."""
    return digest_of_parts(files(plan))


def task_digest(plan: Plan, number: int) -> str:
    """Return the SHA-256 of what decides what one task does: everything but the notebooks and scripts of others."""
    others = {
        path.relative_to(plan.root).as_posix()
        for task in plan.tasks
        if task.number != number
        for path in (task.notebook, task.rollback, task.ready)
    }
    return digest_of_parts({name: value for name, value in files(plan).items() if name not in others})


def digest_of_parts(parts: Mapping[str, str]) -> str:
    """Return one SHA-256 over all parts."""
    return _sha256("".join(f"{name}\0{value}\n" for name, value in sorted(parts.items())).encode())


def content_of(plan: Plan, given: Mapping[str, Any] | None, schema: str | None = None) -> Parts:
    """Return the content of a run, in groups.

    Args:
        plan: what it runs.
        given: the parameters it was given; None leaves this group out.
        schema: the definition of the target's schema; None leaves out the target, and the fault injection with it.

    Raises:
        UsageError: the record of a fault injection is damaged.
    """
    found: Parts = {FILES: files(plan)}
    if given is not None:
        found[PARAMETERS] = {
            f"the parameter {name}": json.dumps(value, sort_keys=True) for name, value in given.items()
        }
    if schema is not None:
        found[TARGET] = {"the schema of the target": _sha256(schema.encode())}
        embedded = [name for name, one in plan.environments.items() if one.server == "embedded"]
        found[FAULT_INJECTION] = {
            f"the fault injection on {name}": _injected(injection_record(plan, name)) for name in embedded
        }
    return found


def injection_record(plan: Plan, environment: str) -> Path:
    """Return where the injection of all faults on an environment is recorded."""
    return plan.outputs / environment / "faults.json"


def differences(was: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return what has changed in the groups of `now`, in words, a part each."""
    return [words for group in now for words in _differences(was.get(group, {}), now[group])]


def _differences(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*was, *now}):
        before, after = was.get(name), now.get(name)
        if before is None:
            yield f"{name} is new"
        elif after is None:
            yield f"{name} is gone"
        elif before != after:
            is_digest = re.fullmatch("[0-9a-f]{64}", after)
            yield f"{name} changed" if is_digest else f"{name} changed from {before} to {after}"


def _injected(record: Path) -> str:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        counts = ", ".join(f"{count} {result}" for result, count in found["counts"].items())
        return f"{counts} with the content {found['digest'][:12]}"
    except FileNotFoundError:
        return NOT_INJECTED
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{record} is damaged: `runbook inject-faults` writes it anew.") from None


def _source(path: Path) -> bytes:
    if path.suffix != ".ipynb":
        return path.read_bytes()
    try:
        cells = json.loads(path.read_bytes())["cells"]
        return json.dumps([[cell["cell_type"], "".join(cell["source"])] for cell in cells]).encode()
    except FileNotFoundError:
        raise UsageError(f"The notebook {path} is missing.") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path} is no notebook: it is not valid JSON with cells.") from None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
