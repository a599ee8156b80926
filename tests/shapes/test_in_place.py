"""The function of consumption is replaced in place: whoever is bound to it, or was given it, keeps it."""

import psycopg
import pytest

from tests.support.databases import Database
from tests.support.draw import Drawing

BOUND = """
    CREATE SCHEMA api;
    CREATE FUNCTION api.spend(organization uuid, n integer) RETURNS jsonb
    LANGUAGE sql RETURN public.consume_credits_rpc(organization, 'ai_chat', n);
    GRANT EXECUTE ON FUNCTION consume_credits_rpc(uuid, text, integer) TO organization_user;
    COMMENT ON FUNCTION consume_credits_rpc(uuid, text, integer) IS 'Debits credits.'
"""
FOUND = """
    SELECT oid, proowner, obj_description(oid), has_function_privilege('organization_user', oid, 'EXECUTE')
    FROM pg_proc WHERE oid = 'consume_credits_rpc(uuid, text, integer)'::regprocedure
"""
# What a call through the bound one leaves: of the old pool, and of the new one where there is one
USED = """
    SELECT used_credits, (to_jsonb(organizations) ->> 'ai_used_credits')::integer
    FROM organization_credits JOIN organizations ON organizations.id = organization_id
    WHERE remaining_credits > 99 ORDER BY id LIMIT 1
"""
SPEND = """
    SELECT api.spend(id, 3) FROM organization_credits JOIN organizations ON organizations.id = organization_id
    WHERE remaining_credits > 99 ORDER BY id LIMIT 1
"""


@pytest.mark.slow
def test_who_is_bound_to_the_function_follows_it_there_and_back(drawing: Drawing) -> None:
    seen: dict[tuple[str, int], tuple[object, ...]] = {}

    def look(database: Database, way: str, task: int) -> None:
        with psycopg.connect(database.owner) as owner:
            before = owner.execute(USED).fetchone()
            owner.execute(SPEND)
            after = owner.execute(USED).fetchone()
            assert before and after
            debits = tuple((now or 0) - (was or 0) for was, now in zip(before, after, strict=True))
            seen[way, task] = (*(owner.execute(FOUND).fetchone() or ()), debits)
            owner.rollback()

    draw = drawing.draw(BOUND, between=look, last=2)
    assert draw.verdict == "complete · given back"
    up, down = seen["up", 2], seen["down", 2]
    assert (up[-1], down[-1]) == ((0, 3), (3, 0))
    assert up[:-1] == down[:-1] == seen["up", 1][:-1]
