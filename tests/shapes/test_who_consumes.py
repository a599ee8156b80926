"""Who may consume follows the policies as row level security does: by the caller's own roles, restrictions on top."""

import json

import psycopg
import pytest

from tests.shapes.generator import pieces
from tests.support.databases import Database
from tests.support.draw import Drawing

MEMBERS = """
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (auth.jwt() ->> 'sub')::uuid $$;
    CREATE TABLE members (
        organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE, user_id uuid NOT NULL
    );
    INSERT INTO members SELECT id, '00000000-0000-0000-0000-00000000000a'
    FROM organizations JOIN organization_credits ON organization_id = id
    WHERE remaining_credits > 99 ORDER BY id LIMIT 2;
    ALTER TABLE members ENABLE ROW LEVEL SECURITY;
    CREATE POLICY "own memberships" ON members FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));
    DROP POLICY "Members read their organization" ON organizations;
    DROP POLICY "Members update their organization" ON organizations;
    CREATE POLICY "members" ON organizations FOR SELECT TO authenticated
    USING (id IN (SELECT organization_id FROM members WHERE user_id = (SELECT auth.uid())));
    CREATE POLICY "directory" ON organizations FOR SELECT TO anon USING (true);
    CREATE POLICY "not the second" ON organizations AS RESTRICTIVE FOR SELECT TO authenticated
    USING (id = (SELECT min(organization_id::text)::uuid FROM members));
"""
THIRD_OWNER = f"""{pieces()["about_another_owner"].text}
    ALTER TABLE organizations OWNER TO "Function Owner";
    ALTER TABLE organization_credits OWNER TO "Function Owner";
    ALTER TABLE credit_actions OWNER TO "Function Owner";
"""
OURS = "SELECT id FROM organizations WHERE id IN (SELECT organization_id FROM members) ORDER BY id::text"
OTHERS = """
    SELECT id FROM organizations JOIN organization_credits ON organization_id = id
    WHERE remaining_credits > 99 AND id NOT IN (SELECT organization_id FROM members) ORDER BY id LIMIT 1
"""


def consumes(owner: psycopg.Connection, organization: object) -> bool:
    """Whether a signed-in member may debit an organization; nothing stays."""
    claims = json.dumps({"sub": "00000000-0000-0000-0000-00000000000a"})
    try:
        with owner.transaction(force_rollback=True):
            owner.execute("SELECT set_config('request.jwt.claims', %s, true)", [claims])
            owner.execute("SET LOCAL ROLE authenticated")
            owner.execute("SELECT consume_credits_rpc(%s, 'ai_chat', 1)", [organization])
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("shapes", [[MEMBERS], [MEMBERS, THIRD_OWNER]], ids=["its own", "a third role's"])
def test_a_policy_of_another_role_opens_nothing_and_one_that_restricts_closes(
    drawing: Drawing, shapes: list[str]
) -> None:
    seen: dict[str, list[bool]] = {}

    def look(database: Database, way: str, task: int) -> None:
        if (way, task) == ("up", 2):
            with psycopg.connect(database.owner) as owner:
                first, second = (row[0] for row in owner.execute(OURS).fetchall())
                other = owner.execute(OTHERS).fetchone()
                assert other
                seen["member"] = [consumes(owner, one) for one in (first, second, other[0])]

    drawing.draw(*shapes, between=look, last=2, given={"dry_run": False})
    assert seen["member"] == [True, False, False]
