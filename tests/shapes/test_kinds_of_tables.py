"""What a table is made of: its parts, their owners, its keys and types; what cannot be migrated is named beforehand."""

import pytest

from runbook.batch.preflight import run_preflight
from runbook.plan.finding import BLOCKS
from tests.shapes.generator import pieces, together
from tests.support.draw import CHEAP, Drawing, address_of

FOREIGN = """
    -- as the superuser
    CREATE EXTENSION file_fdw SCHEMA extensions;
    CREATE SERVER cold FOREIGN DATA WRAPPER file_fdw;
    CREATE SCHEMA archive AUTHORIZATION guardian;
    CREATE FOREIGN TABLE archive.oldest () INHERITS (credit_actions) SERVER cold OPTIONS (filename '/dev/null');
    ALTER FOREIGN TABLE archive.oldest OWNER TO guardian;
    GRANT pg_read_server_files TO guardian;
"""
OF_ANOTHER = """
    -- as the superuser
    CREATE ROLE archivist;
    CREATE SCHEMA archive AUTHORIZATION archivist;
    CREATE TABLE archive.oldest () INHERITS (credit_actions);
    ALTER TABLE archive.oldest OWNER TO archivist;
"""
WITHOUT_INDEX = """
    ALTER TABLE organizations ADD region text NOT NULL DEFAULT 'eu', DROP CONSTRAINT organizations_pkey CASCADE;
    ALTER TABLE organizations ADD PRIMARY KEY (region, id);
"""
SAID = {
    "a foreign part": (FOREIGN, "archive.oldest, a part of credit_actions, is a plain table; or keep it apart"),
    "a part of another": (OF_ANOTHER, "GRANT archivist TO guardian"),
    "no index on the id": (WITHOUT_INDEX, "CREATE UNIQUE INDEX CONCURRENTLY ON organizations (id)"),
    "a domain over an enum": (
        together([pieces()["types_domain_of_enum"]]).sql,
        "of type text or enum, not action_kind, a domain over action_kinds",
    ),
    "no partition for a type": (
        together([pieces()["ids_partitioned_by_type"]]).sql,
        "CREATE TABLE … PARTITION OF credit_actions DEFAULT",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SAID)
def test_what_a_table_is_made_of_is_named_before_anything_changes(drawing: Drawing, name: str) -> None:
    shape, said = SAID[name]
    with drawing.databases.fresh() as database, address_of(database.owner):
        database.apply(shape)
        found = run_preflight(drawing.plan, CHEAP["environment"], {"free_disk_gb": CHEAP["free_disk_gb"]})
    blocking = [f"{one.check}: {one.what} {one.remedy}" for one in found.findings if one.kind == BLOCKS]
    assert any(said in words for words in blocking), blocking
