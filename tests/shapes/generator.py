"""Shapes of targets, drawn by a seed: pieces of SQL put together, each of them something real systems have.

A piece is a file of `pieces/`. Its first line says what it is; lines `-- name: value` below it say the rest:

    of        the dimension it is of; a shape takes one piece of each at most (of `around` and `roles`, several)
    not with  pieces, or dimensions, that make no sense beside it
    expect    what must become of it alone: `complete` (unsaid), `acceptance` or `blocked`
    debit     of a balance: how the function debits it, `@n@` standing for the amount
    cast      of action types: what a text needs to become one
    arguments of a function: what the organization, the type and the amount are called in it
    id        of keys: the type of an organization's id, which the pieces applied after it speak of too
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PIECES = Path(__file__).with_name("pieces")
# In the order they are applied
DIMENSIONS = (
    "columns", "counters", "plans", "types", "ids", "keys", "sizes", "balance", "function", "about", "triggers",
    "tenancy", "roles", "around", "schema", "settings",
)  # fmt: skip
SEVERAL = {"around": 3, "roles": 2, "columns": 2}
LIKELY = 0.3
SELDOM = {"schema": 0.06, "settings": 0.1}
HEAD = re.compile(r"^-- (of|not with|expect|debit|cast|arguments|id): (.+?)\s*$", re.MULTILINE)
# The baseline's own function leans on all of these.
REWRITE = ("columns", "counters", "types", "balance")
USUAL = "used_credits = used_credits + @n@, remaining_credits = remaining_credits - @n@"


@dataclass(frozen=True)
class Piece:
    """A piece of a shape.

    Attributes:
        about: what it is, in a sentence.
        head: what the lines of its head say, by name.
    """

    name: str
    about: str
    head: dict[str, str]
    text: str

    @property
    def dimension(self) -> str:
        """What it is a piece of."""
        return self.head["of"]

    @property
    def expected(self) -> str:
        """What must become of it alone."""
        return self.head.get("expect", "complete")

    def fits(self, others: Iterable["Piece"]) -> bool:
        """Tell whether it makes sense beside others."""
        return not any(one._bars(self) or self._bars(one) for one in others)

    def _bars(self, other: "Piece") -> bool:
        return bool({other.name, other.dimension} & set(self.head.get("not with", "").split(", ")))


@dataclass(frozen=True)
class Shape:
    """Pieces, in the order they are applied."""

    pieces: tuple[Piece, ...]

    @property
    def name(self) -> str:
        """The names of its pieces."""
        return " + ".join(piece.name for piece in self.pieces) or "the baseline"

    @property
    def sql(self) -> str:
        """The shape as one readable file."""
        return "\n".join([f"-- {self.name}", *(f"\n-- {piece.about}\n{self._filled(piece)}" for piece in self.pieces)])

    def without(self, piece: Piece) -> "Shape":
        """Return the shape without one piece."""
        return together(one for one in self.pieces if one is not piece and one.name != "function_jsonb")

    def _filled(self, piece: Piece) -> str:
        """Return the SQL of a piece, made to fit the other pieces."""
        before = self.pieces[: self.pieces.index(piece)]
        kind = next((one.head["id"] for one in before if "id" in one.head), "uuid")
        return re.sub(r"\buuid\b", kind, self._called(piece))

    def _called(self, piece: Piece) -> str:
        """Return the SQL of a piece, a function's with what the other pieces call what it writes."""
        body = "\n".join(line for line in piece.text.splitlines()[1:] if not HEAD.match(line))
        if "arguments" not in piece.head:
            return body
        heads = [one.head for one in self.pieces]
        debit = next((head["debit"] for head in heads if "debit" in head), USUAL)
        cast = next((head["cast"] for head in heads if "cast" in head), "")
        organization, kind, amount = piece.head["arguments"].split(", ")
        values = {
            "@assignments@": debit.replace("@n@", amount),
            "@debit@": DEBIT if debit != "nothing" else CHECKED,
            "@cast@": cast,
        }
        values |= {"@set@": debit, "@o@": organization, "@t@": kind, "@n@": amount}
        for name, value in values.items():
            body = body.replace(name, value)
        return body


DEBIT = """UPDATE organization_credits SET @set@
  WHERE organization_id = @o@ AND organization_credits.remaining_credits >= @n@
  RETURNING organization_credits.remaining_credits INTO remaining;
  IF NOT FOUND THEN RAISE EXCEPTION 'Organization not found or insufficient'; END IF;"""
CHECKED = """SELECT c.remaining_credits - @n@ INTO remaining FROM organization_credits AS c
  WHERE organization_id = @o@ FOR UPDATE;
  IF remaining IS NULL OR remaining < 0 THEN RAISE EXCEPTION 'Organization not found or insufficient'; END IF;"""


@cache
def pieces() -> dict[str, Piece]:
    """Return every piece, by name."""
    found = {}
    for path in sorted(PIECES.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        found[path.stem] = Piece(path.stem, text.splitlines()[0].removeprefix("-- "), dict(HEAD.findall(text)), text)
    return found


def together(chosen: Iterable[Piece]) -> Shape:
    """Return the shape of some pieces, with a function that fits them where the baseline's does not."""
    chosen = list(chosen)
    dimensions = {piece.dimension for piece in chosen}
    if "function" not in dimensions and (dimensions & set(REWRITE) or any("id" in piece.head for piece in chosen)):
        chosen.append(pieces()["function_jsonb"])
    return Shape(tuple(sorted(chosen, key=lambda piece: DIMENSIONS.index(piece.dimension))))


def draw_shape(seed: int) -> Shape:
    """Draw a shape: the same for the same seed."""
    dice = random.Random(seed)
    chosen: list[Piece] = []
    for dimension in DIMENSIONS:
        ours = [piece for piece in pieces().values() if piece.dimension == dimension]
        for _ in range(SEVERAL.get(dimension, 1)):
            if dice.random() < SELDOM.get(dimension, LIKELY):
                piece = dice.choice(ours)
                if piece not in chosen and piece.fits(chosen):
                    chosen.append(piece)
    return together(chosen)
