"""Who owns the tables, and whom row level security is for: nobody gains or loses by the migration, and it completes."""

import pytest

from tests.support.draw import Drawing

OWNED = """
    -- as the superuser
    CREATE ROLE crm_owner BYPASSRLS;
    GRANT crm_owner TO guardian;
    GRANT ALL ON SCHEMA public TO crm_owner;
    GRANT USAGE ON SCHEMA auth TO crm_owner;
    ALTER TABLE organizations OWNER TO crm_owner;
    ALTER TABLE organization_credits OWNER TO crm_owner;
    ALTER TABLE credit_actions OWNER TO crm_owner;
    ALTER FUNCTION consume_credits_rpc OWNER TO crm_owner;
"""
FORCED = """
    -- as the owner
    ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
    ALTER TABLE organization_credits FORCE ROW LEVEL SECURITY;
    ALTER TABLE credit_actions FORCE ROW LEVEL SECURITY;
"""


@pytest.mark.slow
def test_tables_of_another_owner_for_whom_row_level_security_holds_as_well(drawing: Drawing) -> None:
    draw = drawing.draw(OWNED + FORCED)
    assert draw.is_complete, draw.verdict
    assert draw.is_right, draw.verdict
    assert draw.gained == []
