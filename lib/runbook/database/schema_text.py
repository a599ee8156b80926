"""The text of a schema, always in the same order; the order of pg_dump may change from one dump to the next."""

import re
from collections.abc import Iterator

ENTRY = re.compile(
    r"^--\n-- Name: (?P<name>.*); Type: (?P<type>[A-Z ]+); Schema: (?P<schema>.*); Owner: .*\n--\n", re.M
)
NOISE = re.compile(r"--|\\(?:un)?restrict ")
# What holds for the entries that follow, and what it is where nothing else is said
USUAL = {"default_tablespace": "''", "default_table_access_method": "heap"}
# Which entries: pg_dump says it anew before one of these alone
HEEDED = {
    "default_tablespace": {"TABLE", "MATERIALIZED VIEW", "INDEX", "CONSTRAINT"},
    "default_table_access_method": {"TABLE", "MATERIALIZED VIEW"},
}
SETTING = re.compile(rf"SET ({'|'.join(USUAL)}) = (.*);")
# As a reader expects them; any other kind comes after these
ORDER = (
    "SCHEMA", "EXTENSION", "TYPE", "DOMAIN", "FUNCTION", "PROCEDURE", "AGGREGATE", "TABLE", "FOREIGN TABLE", "SEQUENCE",
    "SEQUENCE OWNED BY", "DEFAULT", "VIEW", "MATERIALIZED VIEW", "TABLE ATTACH", "CONSTRAINT", "INDEX", "INDEX ATTACH",
    "STATISTICS", "RULE", "TRIGGER", "FK CONSTRAINT", "ROW SECURITY", "POLICY", "PUBLICATION", "COMMENT", "ACL",
    "DEFAULT ACL",
)  # fmt: skip


def in_order(dump: str) -> str:
    """Return what pg_dump wrote of a schema, its entries in an order of their own, without comments and empty lines."""
    entries = sorted(_entries(dump))
    return "\n".join([*_lines(dump[: _begins(dump)]), *(line for *_, lines in entries for line in lines)]) + "\n"


def _entries(dump: str) -> Iterator[tuple[int, str, str, str, list[str]]]:
    heads, settings = list(ENTRY.finditer(dump)), dict(USUAL)
    before = dump[: _begins(dump)]
    ends = [*(head.start() for head in heads[1:]), len(dump)]
    for head, end in zip(heads, ends, strict=False):
        settings |= dict(SETTING.findall(before))
        before = dump[head.end() : end]
        kind = head["type"]
        heeded = [one for one in settings.items() if kind in HEEDED[one[0]]]
        unusual = [f"SET {name} = {value};" for name, value in heeded if value != USUAL[name]]
        rank = ORDER.index(kind) if kind in ORDER else len(ORDER)
        yield rank, kind, head["schema"], head["name"], [*unusual, *_lines(before)]


def _begins(dump: str) -> int:
    first = ENTRY.search(dump)
    return first.start() if first else len(dump)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not NOISE.match(line) and not SETTING.fullmatch(line)]
