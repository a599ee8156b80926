"""What SQL in a notebook changes, read from its text: a cell that changes something must be tagged."""

import re
from collections.abc import Iterator
from pathlib import Path

import sqlparse
from sqlparse import lexer
from sqlparse.tokens import Comment

from runbook.plan.cells import Cell, read_cells

SAID = {"apply", "probe"}
FLAGS = re.IGNORECASE | re.DOTALL
# What begins a statement that changes the target
CHANGING = re.compile(
    r"(?:ALTER|CREATE|DROP|TRUNCATE|INSERT|UPDATE|DELETE|MERGE|GRANT|REVOKE|COMMENT|REINDEX|CLUSTER|VACUUM|REFRESH"
    r"|SECURITY\s+LABEL|REASSIGN|IMPORT|CALL|COPY\s+(?:(?!\bTO\b).)+\bFROM)\b",
    FLAGS,
)
# What nobody but the session sees
OF_THE_SESSION = re.compile(
    r"CREATE\s+(?:OR\s+REPLACE\s+)?(?:LOCAL\s+)?TEMP(?:ORARY)?\b"
    r"|(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?\w+\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?pg_temp\."
    r"|GRANT\s+EXECUTE\s+ON\s+FUNCTION\s+pg_temp\.",
    FLAGS,
)
# Of that, what a verification can make again in a read-only session
TEMPORARY_VIEW = re.compile(r"\s*CREATE\s+(OR\s+REPLACE\s+)?TEMP(ORARY)?\s+VIEW\b", FLAGS)
TEMPORARY_TABLE = re.compile(r"\s*CREATE\s+TEMP(?:ORARY)?\s+TABLE\s+(\w+)\s+AS\b(.+)", FLAGS)
FORMER_TABLE = re.compile(r"\s*DROP\s+TABLE\s+IF\s+EXISTS\s+pg_temp\.", FLAGS)  # a new session has none
WITHIN = re.compile(r"\(\s*(?:INSERT\s+INTO|UPDATE\s+\S+\s+(?:AS\s+\w+\s+)?SET|DELETE\s+FROM|MERGE\s+INTO)\b", FLAGS)
INTO = re.compile(r"(?:SELECT|WITH)\b(?:(?!\bFROM\b).)*\bINTO\b", FLAGS)
TEXTS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(\$\w*\$).*?\1", re.DOTALL)
CARRIED_OUT = re.compile(
    r"EXPLAIN\s+(?:\([^)]*\bANALYZE\b(?!\s+(?:false|off))[^)]*\)|ANALYZE\b(?:\s+VERBOSE\b)?)\s*", FLAGS
)
BLOCK = re.compile(
    r"\b(?:(?:INSERT\s+INTO|UPDATE\s+\S+\s+(?:AS\s+\w+\s+)?SET|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE|ALTER|DROP|GRANT"
    r"|REVOKE|COMMENT\s+ON|REFRESH|REINDEX|CALL)\b|CREATE\s+(?!(?:OR\s+REPLACE\s+)?TEMP))",
    FLAGS,
)
BEGINS, ENDS, UNDOES = {"BEGIN", "START"}, {"COMMIT", "END", "ROLLBACK", "ABORT"}, {"ROLLBACK", "ABORT"}


def untagged(path: Path) -> Iterator[str]:
    """Yield each SQL cell of a notebook that changes the target and does not say so, with its first words."""
    for number, cell in enumerate(read_cells(path), 1):
        if statement := next(unsaid(cell), None):
            yield (
                f"{path.name}, cell {number} changes the target ({' '.join(statement.split())[:60]} …) and does not "
                "say so: tag it `apply`, or write `%%sql --probe` where it is to be rolled back"
            )


def unrepeatable(path: Path) -> Iterator[str]:
    """Yield each `verify` cell of a notebook that makes what a read-only session cannot, with its first words."""
    for number, cell in enumerate(read_cells(path), 1):
        if "verify" in cell.tags and cell.magic:
            for statement in filter(None, map(_without_comments, sqlparse.split(cell.body))):
                again = (TEMPORARY_VIEW, TEMPORARY_TABLE, FORMER_TABLE)
                if OF_THE_SESSION.match(statement) and not any(one.match(statement) for one in again):
                    yield (
                        f"{path.name}, cell {number} is tagged `verify`, but what it makes "
                        f"({' '.join(statement.split())[:60]} …) cannot be made again in a read-only session: make it "
                        "in a cell without a tag, and let no `verify` cell use it"
                    )


def unsaid(cell: Cell) -> Iterator[str]:
    """Yield what a cell changes without saying so, a statement each."""
    magic, line = cell.magic or ("", "")
    if cell.tags & SAID or "--probe" in line or "--as" in line:
        return
    if magic in {"backfill", "concurrently"}:
        yield f"%%{magic} {line}"
    elif magic == "sql":
        yield from _changing(cell.body)


def _changing(text: str) -> Iterator[str]:
    """Yield the statements of a text that change something and are not rolled back by it."""
    statements = [bare for one in sqlparse.split(text) if (bare := _without_comments(one))]
    is_undone = False
    for place, statement in enumerate(statements):
        if _word(statement) in BEGINS:
            ends = (_word(one) for one in statements[place + 1 :])
            is_undone = next((end for end in ends if end in ENDS), "ROLLBACK") in UNDOES
        elif _word(statement) in ENDS:
            is_undone = False
        elif not is_undone and _changes(statement):
            yield statement


def _without_comments(statement: str) -> str:
    """Return a statement without its comments; sqlparse's own way of it groups every token first, which takes long."""
    tokens = lexer.tokenize(statement)
    return "".join(" " if kind in Comment else text for kind, text in tokens).strip()


def _changes(statement: str) -> bool:
    if _word(statement) == "DO":
        return bool(BLOCK.search(statement))
    bare = TEXTS.sub("''", statement)
    if _word(bare) == "EXPLAIN":
        if not (carried_out := CARRIED_OUT.match(bare)):
            return False
        bare = bare[carried_out.end() :]
    return not OF_THE_SESSION.match(bare) and any(
        (CHANGING.match(bare), WITHIN.search(bare), INTO.match(bare) and _word(bare) in {"SELECT", "WITH"})
    )


def _word(statement: str) -> str:
    return statement.split(None, 1)[0].rstrip(";").upper()
