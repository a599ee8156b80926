"""The values that entries of a plan hold: their types say what is wrong with one, and make the schema editors read."""

import os
import re
from collections.abc import Sized
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo

CLOSED = ConfigDict(extra="forbid")  # an unknown key is a mistake
Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(strict=True, ge=1)]
Minutes = Annotated[int, Field(strict=True, ge=0)]
Flag = Annotated[bool, Field(strict=True)]
Command = tuple[Text, ...]
Fingerprint = Annotated[str, Field(pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")]
Values = TypeVar("Values", bound=Sized)
Approval = Literal["automatic", "required"]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")  # of what has a folder of evidence


def not_empty(values: Values) -> Values:
    """Return what is not empty.

    Raises:
        ValueError: it is; said of what is there alone, never of what is wrong otherwise.
    """
    if not values:
        raise ValueError("must not be empty")
    return values


def _folder_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError("must be a name of letters, digits, “.”, “_” and “-”, at most 63")
    return name


def _schema_name(name: str) -> str:
    if name and (not re.fullmatch(r"[\w -]+", name) or name.startswith("pg_")):
        raise ValueError("must be the name of a schema, of letters, digits, “_”, “-” and blanks")
    return name


def names_figures(words: str) -> str:
    """Return words in which each brace holds the name of a figure.

    Raises:
        ValueError: one holds something else.
    """
    names = [name for _, name, _, _ in Formatter().parse(words) if name is not None]
    if wrong := [name for name in names if not name.isidentifier()]:
        raise ValueError(f"must name each figure in braces, and {wrong[0]!r} is no name")
    return words


def _below_root(path: Path, info: ValidationInfo) -> Path:
    """Return a path below the plan's folder.

    Raises:
        ValueError: it leads out of it, where nothing is sealed and no approval reaches.
    """
    if path.is_absolute() or os.path.normpath(path).startswith(".."):
        raise ValueError("must lie below the folder of the plan")
    return info.context["root"] / path if info.context else path


Name = Annotated[str, AfterValidator(_folder_name)]
SchemaName = Annotated[str, AfterValidator(_schema_name)]
Texts = Annotated[tuple[Text, ...], AfterValidator(not_empty)]
File = Annotated[Path, AfterValidator(_below_root)]

Column = Annotated[str, Field(pattern=r"^.+\..+$")]  # table.column, * for any text
Content = Literal["personal", "business"]
