"""Parameters of a notebook: declared, typed and commented in its cell tagged `parameters`, checked before use."""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook.errors import UsageError

TYPES = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}


@dataclass(frozen=True)
class Parameter:
    """A declared parameter.

    Attributes:
        kind: the name of its type, a key of `TYPES`.
        comment: what the line says behind `#`; `one of a, b: …` allows these values only.
    """

    name: str
    kind: str
    default: Any
    comment: str

    @property
    def choices(self) -> tuple[str, ...]:
        """The only values allowed; empty where there is no such limit."""
        found = re.match(r"one of ([\w, -]+):", self.comment)
        return tuple(found[1].split(", ")) if found else ()


def declarations(source: str) -> dict[str, Parameter]:
    """Return the parameters a cell declares as `name: type = literal  # comment`.

    Raises:
        UsageError: a line has no literal, or a type that is not in `TYPES`.
    """
    lines = source.splitlines()
    found: dict[str, Parameter] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name) or node.value is None:
            continue
        name = node.target.id
        kind = re.split(r"[\[ ]", ast.unparse(node.annotation))[0]
        try:
            default = ast.literal_eval(node.value)
        except ValueError:
            raise UsageError(f"The parameter {name!r} has no literal default: {lines[node.lineno - 1]}") from None
        if kind not in TYPES:
            raise UsageError(f"The parameter {name!r} has the type {kind!r}; it must be one of {', '.join(TYPES)}.")
        rest = lines[(node.end_lineno or node.lineno) - 1].encode()[node.end_col_offset :].decode()
        comment = rest.partition("#")[2].strip()
        found[name] = Parameter(name, kind, default, comment)
    return found


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
        UsageError: naming the first that is unknown or of another type, and what is known. It repeats no text that was
            given, only names and numbers: whoever takes one option for another may have given a password.
    """
    for name, value in given.items():
        if name not in known:
            which = repr(name) if name.isidentifier() else "of that name"
            raise UsageError(f"{where} has no parameter {which}; it has {', '.join(known) or 'none'}.")
        kind = TYPES[known[name].kind]
        fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
        if not fits or (isinstance(value, bool) and kind is not bool):
            found = type(value).__name__ + (f" ({value!r})" if isinstance(value, int | float) else "")
            raise UsageError(f"{where}: the parameter {name!r} must be of type {known[name].kind}, not {found}.")
        if known[name].choices and value not in known[name].choices:
            raise UsageError(f"{where}: the parameter {name!r} must be one of {', '.join(known[name].choices)}.")


def parse_given(known: Mapping[str, Parameter], given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return parameters given as text by their names: a `str` as it stands, any other read as Python would."""
    return {name: text if name in known and known[name].kind == "str" else _literal(text) for name, text in given}


def _literal(text: str) -> Any:
    words = {"true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
