"""The access matrix of Task 3 after the whole migration: no cell of it that has not been seen red."""

from pathlib import Path

import psycopg
import pytest

from runbook.database import embedded
from runbook.plan import cells
from runbook.plan.plan import Plan
from tests.support.notebook import Opener
from tests.support.project import Command

pytestmark = pytest.mark.slow

STRANGERS = ("anon", "authenticated", "organization_user", "service_role")
EVERYBODY = ", ".join(("PUBLIC", "guardian", *STRANGERS))
SHUT = "".join(
    f"REVOKE ALL ON ALL {kind} IN SCHEMA public, auth FROM {EVERYBODY} CASCADE;"
    for kind in ("TABLES", "SEQUENCES", "ROUTINES")
)
OPEN = "".join(f"ALTER ROLE {role} SUPERUSER;" for role in STRANGERS)
# For the cells that an empty table or a token that nobody reads leaves as they are
FULL = """
    INSERT INTO idempotency_keys (organization_id, idempotency_key) SELECT id, 'red' FROM organizations;
    INSERT INTO credit_action_retentions (entry_id, retention_id, first_place, place, action_id, line)
    OVERRIDING SYSTEM VALUE VALUES (-1, -1, 0, 0, '', '[]');
    CREATE OR REPLACE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql AS $$ SELECT '{}'::jsonb $$;
"""
# For the cells where more than one outcome is right
BENT = """
    CREATE FUNCTION bent() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$bent$$; END';
    CREATE TRIGGER bent BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_actions
    FOR EACH STATEMENT EXECUTE FUNCTION bent();
"""
# Right either way, since targets differ in what the server's role holds. Of a right gained there
# "nobody holds what nobody held before" decides; of one lost, "nobody has lost what the migration does not take".
EITHER_WAY = {
    ("organizations", "empty", "service_role"),
    ("organizations", "lock", "service_role"),
    ("organization_credits", "empty", "service_role"),
    ("credit_actions_id_seq", "read", "service_role"),
    ("may_consume", "for A", "service_role"),  # a policy's own function may refuse it; nobody calls it directly
}


def test_every_cell_turns_red_when_all_is_open_or_all_is_shut(
    project: Path, runbook: Command, open_notebook: Opener
) -> None:
    plan = Plan.load(project / "runbook.toml")
    assert (done := runbook(project, "run")).returncode == 0, done.stdout + done.stderr
    sources = [cell.source for cell in cells.read_cells(plan.task(3).notebook) if cell.kind == "code"]
    there = next(place for place, source in enumerate(sources) if "task.access(" in source)
    notebook = open_notebook(plan.task(3).notebook.parent, *sources[: there + 1])

    def red() -> set[tuple[str, str, str]]:
        notebook.run(sources[there])
        access = notebook.shell.user_ns["access"]
        return set(access.loc[~access["right"], ["object", "operation", "persona"]].itertuples(index=False, name=None))

    assert red() == set()
    every = notebook.shell.user_ns["access"][["object", "operation", "persona"]]
    seen = set()
    with psycopg.connect(_as_superuser(project, plan), autocommit=True) as superuser:
        try:
            for fault in (FULL, OPEN, BENT):
                superuser.execute(fault)
                seen |= red()
        finally:
            superuser.execute(OPEN.replace("SUPERUSER", "NOSUPERUSER"))
        superuser.execute(SHUT)
        seen |= red()
    assert set(every.itertuples(index=False, name=None)) - seen == EITHER_WAY


def _as_superuser(project: Path, plan: Plan) -> str:
    return embedded.url(embedded.start(project), plan.environment("local").database, "postgres")
