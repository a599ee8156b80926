"""Parameters of a notebook: declared, typed and commented in its cell tagged `parameters`, checked before use.

A line says all there is to know of one: `ai_share: float = 0.4  # 0..1; share of the old total`. What stands before the
semicolon limits the values: `low..high`, where either may be left out, or `one of a, b`.
"""

import ast
import math
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runbook.errors import UsageError
from runbook.plan import cells
from runbook.plan.model import Task

TYPES = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}
NUMBER = r"-?\d+(?:\.\d+)?"
LIMIT = re.compile(rf"(?:({NUMBER})?\.\.({NUMBER})?|one of ([\w, -]+))\s*(?:;\s*|$)")
LARGEST = 2**63 - 1  # what a bigint holds


@dataclass(frozen=True)
class Parameter:
    """A declared parameter.

    Attributes:
        kind: the name of its type, a key of `TYPES`.
        comment: what the line says behind `#` and behind the limit.
        item: the name of the type of a list's items; empty: any.
        low: the least value; None: no limit.
        high: the largest value; None: no limit.
        choices: the only values allowed; empty: no such limit.
    """

    name: str
    kind: str
    default: Any
    comment: str = ""
    item: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The values allowed, in words; empty where there is no limit but the type."""
        if self.choices:
            return " or ".join(self.choices)
        if self.low is None:
            return "" if self.high is None else f"at most {self.high:g}"
        return f"at least {self.low:g}" if self.high is None else f"from {self.low:g} to {self.high:g}"

    def problem(self, value: Any) -> str:
        """Return what a value must be and is not, or an empty text. It repeats no text that was given, only numbers."""
        if not _fits(value, self.kind):
            shown = f" ({value!r})" if isinstance(value, int | float) and not isinstance(value, bool) else ""
            return f"must be of type {self.kind}, not {type(value).__name__}{shown}"
        items = enumerate(value, 1) if isinstance(value, list) and self.item else ()
        wrong = next(
            (f"item {place} is of type {type(one).__name__}" for place, one in items if not _fits(one, self.item)), ""
        )
        if wrong:
            return f"must hold items of type {self.item}; {wrong}"
        if any("\0" in text for text in _texts(value)):
            return "must not hold the character with the code 0"
        if any("\ud800" <= sign <= "\udfff" for text in _texts(value) for sign in text):
            return "must hold text, in UTF-8"
        if self.choices and value not in self.choices:
            return f"must be {self.allowed}"
        return self._out_of_range(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""

    def _out_of_range(self, value: float) -> str:
        if not math.isfinite(value) or (isinstance(value, int) and abs(value) > LARGEST):
            return f"must be a finite number{f', {self.allowed}' if self.allowed else ''}"
        is_out = (self.low is not None and value < self.low) or (self.high is not None and value > self.high)
        return f"must be {self.allowed}, not {value!r}" if is_out else ""


def declarations(source: str) -> dict[str, Parameter]:
    """Return the parameters a cell declares as `name: type = literal  # limit; comment`.

    Raises:
        UsageError: lines have no literal, a type that is not in `TYPES`, or a default outside its own limits; the
            message names each of them.
        SyntaxError: the cell is no Python.
    """
    lines = source.splitlines()
    found: dict[str, Parameter] = {}
    wrong: list[str] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            try:
                found[node.target.id] = _declaration(node, node.target.id, node.value, lines)
            except UsageError as error:
                wrong.append(str(error))
    if wrong:
        raise UsageError("\n".join(wrong))
    return found


def declared_parameters(task: Task) -> dict[str, Parameter]:
    """Return the parameters a task's notebook declares.

    Raises:
        UsageError: the notebook is missing, is none, or has no cell tagged `parameters` that can be read.
    """
    sources = [cell.source for cell in cells.read_cells(task.notebook) if "parameters" in cell.tags]
    if not sources:
        raise UsageError(f"{task.notebook.name} has no cell tagged 'parameters'.")
    try:
        return declarations(sources[0])
    except SyntaxError as error:
        raise UsageError(f"{task.notebook.name}: the cell tagged 'parameters' is no Python: {error}.") from None
    except UsageError as error:
        lines = str(error).splitlines()
        raise UsageError("\n".join(f"{task.notebook.name}: {one[:1].lower()}{one[1:]}" for one in lines)) from None


def known_parameters(tasks: tuple[Task, ...]) -> dict[str, Parameter]:
    """Return every parameter of the tasks' notebooks but the environment, by name."""
    found: dict[str, Parameter] = {}
    for task in tasks:
        found.update(declared_parameters(task))
    found.pop("environment", None)
    return found


def check_parameters(tasks: tuple[Task, ...], given: Mapping[str, Any]) -> None:
    """Check parameters before anything runs: each must be known to a notebook of the plan and of its type there.

    Raises:
        UsageError: naming every one that is not.
    """
    if "environment" in given:
        raise UsageError("Give the environment by --environment, not as a parameter.")
    check_values(known_parameters(tasks), given, "The plan")


def assigned(source: str) -> set[str]:
    """Return the names a cell assigns, annotated or not."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def check_values(known: Mapping[str, Parameter], given: Mapping[str, Any], where: str) -> None:
    """Check given values against the declared parameters.

    Raises:
        UsageError: naming every one that is unknown, of another type or not allowed, a line each. It repeats no text
            that was given: whoever takes one option for another may have given a password.
    """
    problems = [problem for name, value in given.items() if (problem := _problem(known, name, value))]
    if problems:
        raise UsageError("\n".join(f"{where}{problem}" for problem in problems))


def parse_given(known: Mapping[str, Parameter], given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return parameters given as text by their names: a `str` as it stands, any other read as Python would."""
    return {name: text if name in known and known[name].kind == "str" else _literal(text) for name, text in given}


def _declaration(node: ast.AnnAssign, name: str, value: ast.expr, lines: list[str]) -> Parameter:
    kind, _, item = ast.unparse(node.annotation).partition("[")
    kind, item = kind.partition(" ")[0], item.rstrip("]")
    try:
        default = ast.literal_eval(value)
    except ValueError:
        raise UsageError(f"The parameter {name!r} has no literal default: {lines[node.lineno - 1]}") from None
    if kind not in TYPES:
        raise UsageError(f"The parameter {name!r} has the type {kind!r}; it must be one of {', '.join(TYPES)}.")
    rest = lines[(node.end_lineno or node.lineno) - 1].encode()[node.end_col_offset :].decode()
    comment = rest.partition("#")[2].strip()
    limit = LIMIT.match(comment)
    low, high, choices = limit.groups() if limit else (None, None, None)
    parameter = Parameter(
        name,
        kind,
        default,
        comment[limit.end() :] if limit else comment,
        item if item in TYPES else "",
        float(low) if low else None,
        float(high) if high else None,
        tuple(choices.split(", ")) if choices else (),
    )
    if problem := parameter.problem(default):
        raise UsageError(f"The default of the parameter {name!r} {problem}: {lines[node.lineno - 1]}")
    return parameter


def _problem(known: Mapping[str, Parameter], name: str, value: Any) -> str:
    if name not in known:
        which = repr(name) if name.isidentifier() else "of that name"
        return f" has no parameter {which}; it has {', '.join(known) or 'none'}."
    problem = known[name].problem(value)
    return f": the parameter {name!r} {problem}." if problem else ""


def _fits(value: Any, kind: str) -> bool:
    fits = isinstance(value, TYPES[kind]) or (kind == "float" and isinstance(value, int))
    return fits and (kind == "bool" or not isinstance(value, bool))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts(one)


def _literal(text: str) -> Any:
    words = {"true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def as_options(values: Mapping[str, Any]) -> str:
    """Return parameters as a shell takes them, a blank before each."""
    return "".join(
        f" -p {name} {shlex.quote(value if isinstance(value, str) else repr(value))}" for name, value in values.items()
    )
