"""Ten kinds of drift on the migrated target, months later: each is named by `runbook verify --live`."""

import subprocess
import sys

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from runbook.database import embedded
from runbook.evidence import manifest
from runbook.evidence.verify import VerifyRequest, verify_run
from runbook.plan.plan import Plan
from tests.support.project import copy_parts

pytestmark = pytest.mark.slow
DATABASE = "drifting"
SCHEMA = "the schema is not the one the run left"
SOME = "(SELECT id FROM organizations WHERE plan_name = 'starter' ORDER BY id LIMIT 1)"
# What is done, what the cell that notices it must be about (empty: the schema alone tells), what the schema must tell.
KINDS = {
    "policy changed": (
        "DO $$ DECLARE p name; BEGIN SELECT policyname INTO p FROM pg_policies WHERE tablename = 'organizations' "
        "AND cmd = 'SELECT'; EXECUTE format('ALTER POLICY %I ON organizations USING (true)', p); END $$",
        "every policy asks for the token",
        "CREATE POLICY",
    ),
    "index dropped": ("DROP INDEX idx_credit_actions_one_migration", "", "idx_credit_actions_one_migration"),
    "column altered": (
        "ALTER TABLE organizations ALTER COLUMN ai_credits DROP NOT NULL",
        "eight counters stand",
        "ai_credits integer DEFAULT 0 NOT NULL",
    ),
    "function replaced": (
        "CREATE OR REPLACE FUNCTION plan_credits(pool TEXT, plan_type TEXT, total_credits NUMERIC) RETURNS INTEGER "
        "LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 7",
        "the allocation keeps the brief's amounts",
        "plan_credits",
    ),
    "balance edited": (
        f"UPDATE organizations SET ai_credits = ai_credits + 1000 WHERE id = {SOME}",
        "every allocation is what the plan says",
        "",
    ),
    "used balance edited": (
        f"UPDATE organizations SET ai_used_credits = ai_used_credits + 1 WHERE id = {SOME}",
        "what was used is what the actions say",
        "",
    ),
    "audit row removed": (
        f"DELETE FROM credit_actions WHERE action_type = 'migration' AND organization_id = {SOME}",
        "every organization has exactly one audit row",
        "",
    ),
    "grant added": (
        "GRANT UPDATE ON organizations TO authenticated",
        "no tenant can write a credit column",
        "GRANT",
    ),
    "view recreated": (
        "ALTER VIEW organization_credit_summary RESET (security_invoker)",
        "whatever a tenant may read is guarded",
        "organization_credit_summary",
    ),
    "organization unallocated": (
        f"UPDATE organizations SET credits_migrated_at = NULL, ai_credits = 0, whatsapp_credits = 0 WHERE id = {SOME}",
        "nobody is left without an allocation",
        "",
    ),
    "row level security disabled": (
        "ALTER TABLE credit_actions DISABLE ROW LEVEL SECURITY",
        "whatever a tenant may read is guarded",
        "ROW LEVEL SECURITY",
    ),
}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory, state):
    """The project, migrated once, and the folder the run left."""
    root = copy_parts(tmp_path_factory.mktemp("migrated"))
    command = [sys.executable, "-m", "runbook", "run", "--fresh"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return root, manifest.latest_run(Plan.load(root / "runbook.toml"))


@pytest.fixture
def target(migrated):
    """A copy of the migrated database to change; the environment points there."""
    file = migrated[0] / "runbook.toml"
    before = file.read_text()
    environment = Plan.load(file).environment("local")
    owner = embedded.provide(migrated[0], environment)
    with psycopg.connect(make_conninfo(owner, dbname="postgres"), autocommit=True) as connection:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE))
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        connection.execute(drop)
        connection.execute(copy.format(sql.Identifier(DATABASE), sql.Identifier(environment.database)))
        file.write_text(before.replace(f'database = "{environment.database}"', f'database = "{DATABASE}"'))
        with psycopg.connect(make_conninfo(owner, dbname=DATABASE), autocommit=True) as changed:
            yield changed
        file.write_text(before)
        connection.execute(drop)


def verify(migrated):
    root, folder = migrated
    lines = []
    code = verify_run(Plan.load(root / "runbook.toml"), VerifyRequest(folder, live=True), lines.append)
    return code, lines


def test_an_untouched_target_holds(migrated, target):
    code, lines = verify(migrated)
    assert code == 0, "\n".join(lines)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_drift_is_named(migrated, target, kind):
    change, check, object_ = KINDS[kind]
    target.execute(change)
    code, lines = verify(migrated)
    said = "\n".join(line for line in lines if not line.startswith("✓"))
    assert code == 1
    assert (f"check “{check}" if check else SCHEMA) in said
    assert not object_ or object_ in said.partition(SCHEMA)[2]
