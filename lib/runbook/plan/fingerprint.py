"""The content of a run: everything that decides what it will do, each part with its digest.

Parts come in groups, each a mapping from a name a person understands to a digest, or to the thing itself where that is
short. Two contents are compared group by group.

| group | what it holds |
| --- | --- |
| `FILES` | package, notebooks and what Python imports from beside them, SQL, faults, Edge Functions, pins, expected
  results, the plan without its environments |
| `VERSIONS` | Python, the package, and everything it requires, as installed |
| `ENVIRONMENT` | the environment's own entry of the plan |
| `PARAMETERS` | what the notebooks are given beside their defaults |
| `IDENTITY` | which database the target is |
| `TARGET` | its schema |
| `FAULT_INJECTION` | which faults the checks have caught |
"""

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.machinery import all_suffixes
from pathlib import Path
from typing import Any

from runbook.errors import UsageError
from runbook.plan import cells, installed, parameters
from runbook.plan.plan import Plan

FILES, VERSIONS, ENVIRONMENT, PARAMETERS = "files", "versions", "environment", "parameters"
IDENTITY, TARGET, FAULT_INJECTION = "identity", "target", "fault_injection"
NOT_INJECTED = "not done"
COVERED = (
    "sql/**/*.sql", "sql/**/*.py", "supabase/functions/**/*", "outputs/expected/*",
    "constraints.txt", "environment.yml", "pyproject.toml",
)  # fmt: skip
NOTE = re.compile(r"\*\*Operator's note\*\*.*", re.DOTALL)
Parts = dict[str, dict[str, str]]


def files(plan: Plan) -> dict[str, str]:
    """Return name → SHA-256 of every file that decides, the package as installed among them.

    Of a notebook count its cells (source, type, tags, order) and its kernel: neither outputs nor what JupyterLab writes
    on saving, nor the operator's note. Of the plan its entries count, but for those of the environments.
    """
    found = {f"runbook/{name}": digest for name, digest in installed.package().items()}
    paths = {task.notebook for task in plan.tasks} | {path for one in COVERED for path in plan.root.glob(one)}
    paths |= set(_importable(plan))
    for path in sorted(paths):
        if path.suffix == ".ipynb" and path.parent.name != "expected":
            found[_name(plan, path)] = _sha256(_source(path))
        elif path.is_file():
            found[_name(plan, path)] = _sha256(path.read_bytes())
    common = {name: value for name, value in _entries(plan).items() if name not in {"environments", "fleets"}}
    found[plan.path.name] = _sha256(json.dumps(common, sort_keys=True).encode())
    return found


def _importable(plan: Plan) -> Iterator[Path]:
    """Yield what Python finds beside the notebooks and the plan, before whatever is installed under that name."""
    for suffix in all_suffixes():
        yield from (*plan.root.glob(f"*{suffix}"), *plan.root.glob(f"*/__init__{suffix}"))
        for folder in {task.notebook.parent for task in plan.tasks} - {plan.root}:
            names = ((path, path.relative_to(folder).parts) for path in folder.rglob(f"*{suffix}"))
            yield from (path for path, parts in names if not any(one.startswith((".", "__pyc")) for one in parts))


def _name(plan: Plan, path: Path) -> str:
    """Return how a file is called: as it lies from the plan's folder, within it or, where one is tried, beside it."""
    return Path(os.path.relpath(path, plan.root)).as_posix()


def plan_digest(plan: Plan) -> str:
    """Return the SHA-256 of every file that decides what a run does; see `files`."""
    return digest_of_parts(files(plan))


def task_digest(plan: Plan, number: int) -> str:
    """Return the SHA-256 of what decides what one task does: neither what others do, nor the expected results."""
    others = {
        _name(plan, path) for task in plan.tasks if task.number != number for path in (task.notebook, task.rollback)
    }
    own = {name: value for name, value in files(plan).items() if name not in others}
    return digest_of_parts({name: value for name, value in own.items() if not name.startswith("outputs/expected/")})


def digest_of_parts(parts: Mapping[str, str]) -> str:
    """Return one SHA-256 over all parts."""
    return _sha256("".join(f"{name}\0{value}\n" for name, value in sorted(parts.items())).encode())


def content_of(plan: Plan, environment: str, given: Mapping[str, Any], schema: str | None = None) -> Parts:
    """Return the content of a run, in groups.

    Args:
        plan: what it runs.
        environment: where.
        given: the parameters it was given; those equal to a notebook's own do not count.
        schema: the definition of the target's schema; None leaves it out, and the fault injection with it.

    Raises:
        UsageError: the record of a fault injection is damaged.
    """
    found: Parts = {
        FILES: files(plan),
        VERSIONS: installed.versions(),
        ENVIRONMENT: {f"{name} of {environment}": json.dumps(one) for name, one in _entry(plan, environment).items()},
        PARAMETERS: {
            f"the parameter {name}": json.dumps(value, sort_keys=True)
            for name, value in given.items()
            if not _is_default(plan, name, value)
        },
    }
    if schema is not None:
        found[TARGET] = {"the schema of the target": _sha256(schema.encode())}
        embedded = [name for name, one in plan.environments.items() if one.server == "embedded"]
        found[FAULT_INJECTION] = {
            f"the fault injection on {name}": _injected(injection_record(plan, name)) for name in embedded
        }
    return found


def as_options(parts: Parts) -> str:
    """Return the parameters of a content as a command line gives them, a blank before each."""
    given = {name.removeprefix("the parameter "): json.loads(value) for name, value in parts[PARAMETERS].items()}
    return parameters.as_options(given)


def of_notebook(parts: Mapping[str, Mapping[str, str]], declared: Mapping[str, Any]) -> Parts:
    """Return parts without the parameters that a notebook does not declare: by hand, no others can be given."""
    names = {f"the parameter {name}" for name in declared}
    kept = {name: value for name, value in parts.get(PARAMETERS, {}).items() if name in names}
    return {**{group: dict(one) for group, one in parts.items()}, PARAMETERS: kept}


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
        return f"{counts} with the content {found['digest'][:12]} (record {_sha256(json.dumps(found).encode())[:12]})"
    except FileNotFoundError:
        return NOT_INJECTED
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{record} is damaged: `runbook inject-faults` writes it anew.") from None


def _entries(plan: Plan) -> dict[str, Any]:
    return tomllib.loads(plan.path.read_text(encoding="utf-8"))


def _entry(plan: Plan, environment: str) -> dict[str, Any]:
    """Return the environment's own table of the plan; a fleet's target has that of its fleet."""
    entries = _entries(plan)
    own = entries.get("environments", {}).get(environment)
    found: dict[str, Any] = own or entries.get("fleets", {}).get(environment.partition("/")[0], {})
    return found


def _is_default(plan: Plan, name: str, value: Any) -> bool:
    """Tell whether a value is the default of every notebook that declares the parameter."""
    declared = [
        one[name].default
        for task in plan.tasks
        for cell in cells.read_cells(task.notebook)
        if "parameters" in cell.tags and name in (one := parameters.declarations(cell.source))
    ]
    return bool(declared) and all(type(one) is type(value) and one == value for one in declared)


def _source(path: Path) -> bytes:
    try:
        notebook = json.loads(path.read_bytes())
        kernel = notebook.get("metadata", {}).get("kernelspec", {})
        found = [
            [cell["cell_type"], "".join(cell["source"]), sorted(cell.get("metadata", {}).get("tags", []))]
            for cell in notebook["cells"]
        ]
        for cell in found:
            if cell[0] == "markdown" and NOTE.search(cell[1]):
                cell[1] = NOTE.sub("", cell[1])
                break
        return json.dumps([found, kernel.get("name"), kernel.get("language")]).encode()
    except FileNotFoundError:
        raise UsageError(f"The notebook {path} is missing.") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{path} is no notebook: it is not valid JSON with cells.") from None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
