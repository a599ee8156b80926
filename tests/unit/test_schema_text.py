"""The text of a schema does not depend on the order that pg_dump writes it in."""

from itertools import permutations

import pytest

from runbook.changes.schemas import is_same
from runbook.database.schema_text import in_order

HEAD = (
    "--\n-- PostgreSQL database dump\n--\n\n\\restrict x7\nSET row_security = off;\n\nSET default_tablespace = '';\n\n"
)
TABLE = (
    "--\n-- Name: b; Type: TABLE; Schema: public; Owner: me\n--\n\nCREATE TABLE public.b (\n    id integer\n);\n\n\n"
)
OTHER = TABLE.replace("Name: b", "Name: a").replace("public.b", "public.a")
IDENTITY = (
    "--\n-- Name: b_id_seq; Type: SEQUENCE; Schema: public; Owner: me\n--\n\n"
    "ALTER TABLE public.b ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n    CACHE 1\n);\n\n\n"
)
GRANT = "--\n-- Name: TABLE a; Type: ACL; Schema: public; Owner: me\n--\n\nGRANT ALL ON TABLE public.a TO anon;\n\n\n"
STRANGE = GRANT.replace("ACL", "ZZZ").replace("anon", "zzz")
ENTRIES = (TABLE, OTHER, IDENTITY, GRANT, STRANGE)


@pytest.mark.parametrize("entries", list(permutations(ENTRIES)))
def test_whatever_the_order_of_the_entries_the_text_is_the_same(entries):
    assert in_order(HEAD + "".join(entries)) == (
        "SET row_security = off;\n"
        "CREATE TABLE public.a (\n    id integer\n);\nCREATE TABLE public.b (\n    id integer\n);\n"
        "ALTER TABLE public.b ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n    CACHE 1\n);\n"
        "GRANT ALL ON TABLE public.a TO anon;\nGRANT ALL ON TABLE public.a TO zzz;\n"
    )


def test_a_tablespace_stays_with_what_lies_in_it():
    fast, usual = "SET default_tablespace = fast;\n\n", "SET default_tablespace = '';\n\n"
    one, other = in_order(HEAD + fast + TABLE + usual + OTHER), in_order(HEAD + OTHER + fast + TABLE)
    assert one == other
    assert "SET default_tablespace = fast;\nCREATE TABLE public.b" in one
    assert one != in_order(HEAD + fast + TABLE + OTHER)


def test_a_tablespace_is_said_of_no_entry_that_lies_nowhere():
    fast, usual = "SET default_tablespace = fast;\n\n", "SET default_tablespace = '';\n\n"
    one = in_order(HEAD + fast + TABLE + IDENTITY + GRANT + usual + OTHER)
    assert one == in_order(HEAD + fast + TABLE + usual + OTHER + IDENTITY + GRANT)
    assert one.count("fast") == 1


def test_an_empty_schema_has_no_entries():
    assert in_order(HEAD) == "SET row_security = off;\n"


def test_a_schema_kept_in_another_order_is_the_same_and_one_with_another_line_is_not():
    kept, now = "CREATE a;\nCREATE b;\n", "CREATE b;\nCREATE a;\n"
    assert is_same(kept, now)
    assert not is_same(kept, now + "CREATE a;\n")
