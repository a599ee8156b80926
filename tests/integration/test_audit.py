"""The audit trail on a migrated database: complete under traffic, append-only, and forgetful where the law asks for it.

The database is migrated by the SQL of the notebooks themselves, and the checks are theirs too.
"""

import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from runbook.database import embedded, snapshot
from runbook.database.ledger import Ledger
from runbook.database.target import Target
from runbook.plan import cells
from runbook.plan.plan import Plan
from tests.support.migrated import migrate

MIGRATION, VIEW, AUDIT = 2, 4, 5
DENIED = psycopg.errors.InsufficientPrivilege
TYPES = ("ai_chat", "whatsapp_message", "email_send", "sms_send")
COMPLETE = "every used counter is the sum of its audit rows"
SANE = "no row since the migration has an impossible type, amount or date"
ONE_MIGRATION = "every organization has exactly one migration row"
TAMPERED = "no sealed audit row was changed, is missing or was inserted"
SUMMARIZED = "what is summarized keeps every total, and the seals hold"
CLOSED = "nobody but the owner can change, remove or forge an audit row"
KEPT = "SELECT id, organization_id, action_type, credits_consumed, created_at FROM credit_actions ORDER BY id"
NUMBERED = """
    SELECT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = 'credit_actions'::regclass AND attname = 'id' AND attidentity <> '' AND NOT attisdropped)
"""
LOGGED = "action_type = 'anonymization'"
PERSONAL = "num_nonnulls(user_id, ip_address, user_agent) > 0"


@dataclass(frozen=True)
class Trail:
    """A migrated database of a few hundred organizations, of the test alone."""

    plan: Plan
    url: str

    def open(self, role: str = "", **settings: str) -> psycopg.Connection:
        connection = psycopg.connect(self.url, autocommit=True)
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", [name.replace("__", "."), value])
        if role:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        return connection

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.open() as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def value(self, query: str, *values: Any) -> Any:
        return self.rows(query, *values)[0][0]

    def found_by(self, check: str) -> list[tuple[Any, ...]]:
        """Return what a check of the notebook finds."""
        numbered = self.value(NUMBERED)
        with self.open(runbook__ids_in_order=str(numbered)) as connection:
            return connection.execute(self.asked_by(check).encode()).fetchall()

    def asked_by(self, check: str) -> str:
        """Return the SQL of a check of the notebook."""
        (found,) = [
            cell.body
            for cell in cells.read_cells(self.plan.task(AUDIT).notebook)
            if cell.magic and cell.magic[0] == "check" and cell.magic[1].startswith(f"{check}: ")
        ]
        return found

    def anonymize(self, organization: str | None = None, user: str | None = None) -> int:
        with self.open("service_role") as service:
            row = service.execute("SELECT anonymize_credit_actions(%s, %s)", [organization, user]).fetchone()
            assert row
            return int(row[0])

    def organizations(self) -> list[str]:
        """Return some that have plenty of credits in every pool, and audit rows with persons in them."""
        return [
            row[0]
            for row in self.rows(
                f"""
                SELECT id::text FROM organizations AS o
                WHERE LEAST(ai_credits, whatsapp_credits, email_credits, sms_credits) >= 500
                  AND EXISTS (SELECT FROM credit_actions WHERE organization_id = o.id AND {PERSONAL})
                ORDER BY id LIMIT 5
                """
            )
        ]


@pytest.fixture(scope="module")
def template(plan: Plan) -> Iterator[Callable[[str], str]]:
    """Migrate a small baseline once, and give copies of it."""
    local = plan.environment("local")
    settings = {"runbook.organizations": "300", "runbook.actions_per_organization": "10"}
    small = replace(local, baseline=replace(local.baseline, settings=settings))
    server = embedded.start(plan.root)
    embedded.drop(server, "audit_template")
    embedded.fill(server, small, "audit_template")
    with psycopg.connect(embedded.url(server, "audit_template", local.owner), autocommit=True) as owner:
        Ledger(owner, plan.name).prepare()
        for number in (MIGRATION, VIEW, AUDIT):
            migrate(owner, plan.task(number).notebook)

    def copy(name: str) -> str:
        embedded.drop(server, name)
        with psycopg.connect(embedded.url(server, "postgres", local.owner), autocommit=True) as owner:
            owner.execute(sql.SQL("CREATE DATABASE {} TEMPLATE audit_template").format(sql.Identifier(name)))
        return embedded.url(server, name, local.owner)

    yield copy
    for name in ("audit", "audit_untouched", "audit_many", "audit_template"):
        embedded.drop(server, name)


@pytest.fixture
def trail(plan: Plan, template: Callable[[str], str]) -> Trail:
    return Trail(plan, template("audit"))


@pytest.fixture(scope="module")
def untouched(plan: Plan, template: Callable[[str], str]) -> Trail:
    """One for all tests that must not succeed in changing anything."""
    return Trail(plan, template("audit_untouched"))


def spend(trail: Trail, organization: str, number: int) -> None:
    """Consume `number` times, every type in turn, from a session of its own."""
    with trail.open() as connection:
        for turn in range(number):
            values = [organization, TYPES[turn % len(TYPES)], 1 + turn % 3]
            connection.execute("SELECT consume_credits_rpc(%s, %s, %s)", values)


# Complete: the notebook's own checks, on a trail that was really written to


def test_the_trail_is_complete_under_concurrent_consumption(trail: Trail) -> None:
    before = trail.value("SELECT count(*) FROM credit_actions")
    organizations = trail.organizations()
    with ThreadPoolExecutor(4) as pool:
        # The first one is hot: every session spends there.
        jobs = [pool.submit(spend, trail, one, 40) for one in [organizations[0]] * 4 + organizations[1:]]
        for job in jobs:
            job.result()
    assert trail.value("SELECT count(*) FROM credit_actions") == before + 40 * len(jobs)
    assert trail.found_by(COMPLETE) == []
    assert trail.found_by(SANE) == []


def test_a_lost_row_and_an_invented_row_are_both_found(trail: Trail) -> None:
    first, second, *_ = trail.organizations()
    spend(trail, first, 8)
    with trail.open() as owner:
        owner.execute("DELETE FROM credit_actions WHERE id = (SELECT max(id) FROM credit_actions)")
        owner.execute(
            "INSERT INTO credit_actions (organization_id, action_type, credits_consumed) VALUES (%s, 'ai_chat', 1)",
            [second],
        )
    assert [(str(row[0]), row[2]) for row in trail.found_by(COMPLETE)] == [(first, "sms_send"), (second, "ai_chat")]


def test_what_a_merged_organization_used_is_counted_as_the_finding_says(trail: Trail) -> None:
    merged, whole, *_ = trail.organizations()
    spend(trail, merged, 4)
    with trail.open() as owner:
        owner.execute("UPDATE credit_actions SET organization_id = %s WHERE organization_id = %s", [whole, merged])
        owner.execute("DELETE FROM organizations WHERE id = %s", [merged])
        found = trail.found_by(COMPLETE)
        assert [(str(row[0]), row[2]) for row in found] == [(whole, action_type) for action_type in sorted(TYPES)]
        for row in found:
            owner.execute(row[-1][row[-1].index("UPDATE ") :].encode())
    assert trail.found_by(COMPLETE) == []


def test_usage_carried_over_is_recognized_and_a_single_exception_still_found(trail: Trail) -> None:
    with trail.open() as owner:  # what Task 2 does with carry_over_usage
        owner.execute(
            """
            UPDATE organizations AS o
            SET (ai_used_credits, whatsapp_used_credits, email_used_credits, sms_used_credits) = (
                SELECT
                    COALESCE(SUM(credits_consumed) FILTER (WHERE action_type = 'ai_chat'), 0),
                    COALESCE(SUM(credits_consumed) FILTER (WHERE action_type = 'whatsapp_message'), 0),
                    COALESCE(SUM(credits_consumed) FILTER (WHERE action_type = 'email_send'), 0),
                    COALESCE(SUM(credits_consumed) FILTER (WHERE action_type = 'sms_send'), 0)
                FROM credit_actions WHERE organization_id = o.id)
            """
        )
    organization = trail.organizations()[0]
    spend(trail, organization, 8)
    assert trail.found_by(COMPLETE) == []
    with trail.open() as owner:  # one that starts from zero, against the rule
        owner.execute("UPDATE organizations SET ai_used_credits = 0 WHERE id = %s", [organization])
    assert [(str(row[0]), row[2]) for row in trail.found_by(COMPLETE)] == [(organization, "ai_chat")]


# Append-only


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE credit_actions SET credits_consumed = 0",
        "UPDATE credit_actions SET description = 'ANONYMIZED'",
        "DELETE FROM credit_actions",
        "TRUNCATE credit_actions",
        "INSERT INTO credit_actions (organization_id, action_type, created_at) SELECT id, 'fax', now() "
        "FROM organizations",
        "INSERT INTO credit_actions (id, organization_id, action_type) SELECT -1, id, 'fax' FROM organizations LIMIT 1",
        "INSERT INTO credit_actions (organization_id, action_type) SELECT id, 'migration' FROM organizations "
        "ON CONFLICT (organization_id) WHERE action_type = 'migration' DO UPDATE SET credits_consumed = 0",
        "MERGE INTO credit_actions AS a USING organizations AS o ON a.organization_id = o.id WHEN MATCHED THEN DELETE",
        "CREATE TRIGGER mine BEFORE UPDATE ON credit_actions FOR EACH ROW "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "ALTER TABLE credit_actions DISABLE TRIGGER ALL",
        "DROP TABLE credit_actions",
    ],
)
@pytest.mark.parametrize("role", ["service_role", "authenticated", "anon", "organization_user"])
def test_nobody_but_the_owner_rewrites_the_trail(untouched: Trail, role: str, statement: str) -> None:
    before = untouched.rows(KEPT)
    with untouched.open(role) as connection, pytest.raises(DENIED):
        connection.execute(statement.encode())
    assert untouched.rows(KEPT) == before


def test_the_application_appends_under_the_servers_own_clock(trail: Trail) -> None:
    organization = trail.organizations()[0]
    with trail.open("service_role") as service:
        row = service.execute(
            "INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) "
            "VALUES (%s, 'ai_chat', 1, 'a note') "
            "RETURNING created_at = now(), id = (SELECT max(id) FROM credit_actions) + 1",
            [organization],
        ).fetchone()
    assert row == (True, True)


def test_a_role_that_is_granted_too_much_is_found(trail: Trail) -> None:
    assert trail.found_by(CLOSED) == []
    with trail.open() as owner:
        owner.execute("GRANT UPDATE (user_agent) ON credit_actions TO authenticated")
        owner.execute("GRANT INSERT ON credit_actions TO service_role")
    assert trail.found_by(CLOSED) == [
        ("credit_actions", "authenticated", "UPDATE"),
        ("credit_actions", "organization_user", "UPDATE"),
        ("credit_actions", "service_role", "INSERT of created_at"),
        ("credit_actions", "service_role", "INSERT of id"),
    ]


# Forgetting


def test_an_organization_is_forgotten_and_its_figures_stay(trail: Trail) -> None:
    organization = trail.organizations()[0]
    spend(trail, organization, 8)
    before = trail.rows(KEPT)
    of_others = "SELECT * FROM credit_actions WHERE organization_id <> %s ORDER BY id"
    elsewhere = trail.rows(of_others, organization)
    changed = trail.anonymize(organization)
    assert trail.rows(
        f"SELECT count(*), bool_or({PERSONAL}), array_agg(DISTINCT description) FROM credit_actions "
        "WHERE organization_id = %s AND action_type = ANY (%s)",
        organization,
        [*TYPES],
    ) == [(changed, False, ["ANONYMIZED"])]
    *kept, logged = trail.rows(KEPT)
    assert kept == before
    assert logged[2:4] == ("anonymization", 0)
    assert trail.rows(of_others, organization) == elsewhere
    for check in (COMPLETE, SANE, ONE_MIGRATION):
        assert trail.found_by(check) == []


def test_forgetting_again_changes_nothing(trail: Trail) -> None:
    organization = trail.organizations()[0]
    assert trail.anonymize(organization) > 0
    before = trail.rows("SELECT * FROM credit_actions ORDER BY id")
    assert trail.anonymize(organization) == 0
    assert trail.rows("SELECT * FROM credit_actions ORDER BY id") == before


def test_a_person_is_forgotten_in_every_organization_or_in_one(trail: Trail) -> None:
    first, second, *_ = trail.organizations()
    person, other = "00000000-0000-0000-0000-00000000aaaa", "00000000-0000-0000-0000-00000000bbbb"
    with trail.open("service_role") as service:
        for organization in (first, second):
            for user in (person, person, other):
                service.execute(
                    "INSERT INTO credit_actions "
                    "(organization_id, user_id, action_type, credits_consumed, description, ip_address, user_agent) "
                    "VALUES (%s, %s, 'ai_chat', 1, 'Mail from Ada', '192.0.2.7', 'Browser')",
                    [organization, user],
                )
    left = "SELECT count(*) FROM credit_actions WHERE user_id = %s"
    assert trail.anonymize(first, person) == 2
    assert trail.value(left, person) == 2
    assert trail.anonymize(user=person) == 2
    assert trail.value(left, person) == 0
    assert trail.value(left, other) == 2
    logged = trail.rows(f"SELECT organization_id::text, description FROM credit_actions WHERE {LOGGED} ORDER BY id")
    assert logged == [(one, "Anonymized 2 actions of a person") for one in (first, second)]


def test_a_call_that_names_nobody_is_refused(untouched: Trail) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="organization, a person, or both"):
        untouched.anonymize()


@pytest.mark.parametrize("role", ["authenticated", "anon", "organization_user"])
def test_tenants_cannot_forget_anybody(untouched: Trail, role: str) -> None:
    with untouched.open(role) as connection, pytest.raises(DENIED):
        connection.execute("SELECT anonymize_credit_actions(%s)", [untouched.organizations()[0]])


def test_temporary_objects_of_the_caller_do_not_lead_it_astray(trail: Trail) -> None:
    organization = trail.organizations()[0]
    with trail.open("service_role") as service:
        service.execute("CREATE TEMP TABLE credit_actions AS TABLE public.credit_actions")
        service.execute(
            "CREATE FUNCTION pg_temp.format(text, VARIADIC anyarray) RETURNS text "
            "LANGUAGE sql AS $$ SELECT 'led astray' $$"
        )
        service.execute("SET search_path = pg_temp, public")
        service.execute("SELECT public.anonymize_credit_actions(%s)", [organization])
    named = f"SELECT count(*) FROM credit_actions WHERE organization_id = %s AND {PERSONAL}"
    assert trail.value(named, organization) == 0
    assert "led astray" not in trail.value(f"SELECT description FROM credit_actions WHERE {LOGGED}")


def test_nothing_is_lost_where_forgetting_meets_consumption(trail: Trail) -> None:
    organizations = trail.organizations()
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(spend, trail, organization, 60) for organization in organizations[:2]]
        while not all(job.done() for job in jobs):
            for organization in organizations:
                trail.anonymize(organization)
        for job in jobs:
            job.result()
    for organization in organizations:
        trail.anonymize(organization)
    named = f"SELECT count(*) FROM credit_actions WHERE organization_id = ANY (%s) AND {PERSONAL}"
    assert trail.value(named, organizations) == 0
    assert trail.found_by(COMPLETE) == []


# Sealed


def seal(trail: Trail) -> str:
    with trail.open("service_role") as service:
        row = service.execute("SELECT seal_credit_actions()").fetchone()
        assert row
        return str(row[0])


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ("UPDATE credit_actions SET credits_consumed = 1 + credits_consumed WHERE id = 20", ["changed"]),
        ("UPDATE credit_actions SET created_at = created_at + INTERVAL '1 microsecond' WHERE id = 20", ["changed"]),
        ("UPDATE credit_actions SET action_type = 'fax' WHERE id = 20", ["changed"]),
        (
            "UPDATE credit_actions SET organization_id = (SELECT organization_id FROM credit_actions WHERE id = 1) "
            "WHERE id = 20",
            ["changed"],
        ),
        ("UPDATE credit_actions SET id = 0 WHERE id = 20", ["changed"]),
        ("DELETE FROM credit_actions WHERE id = 20", ["missing"]),
        ("DELETE FROM credit_actions WHERE id = (SELECT max(id) FROM credit_actions)", ["missing"]),
        (
            "INSERT INTO credit_actions (id, organization_id, action_type) SELECT -7, id, 'fax' FROM organizations "
            "LIMIT 1",
            ["inserted"],
        ),
        ("UPDATE credit_action_seals SET actions = actions + 1 WHERE seal_id = 2", ["the seal, or the one before it"]),
        ("UPDATE credit_action_seals SET sealed_at = now() WHERE seal_id = 2", ["the seal, or the one before it"]),
        (
            "DELETE FROM credit_action_seals WHERE seal_id = 1",
            ["the seal, or the one before it", "does not begin where the seal before it ends"],
        ),
    ],
)
def test_whatever_the_owner_bends_is_found(trail: Trail, change: str, problems: list[str]) -> None:
    assert trail.value("SELECT count(*) FROM credit_action_seals") > 2
    assert trail.found_by(TAMPERED) == []
    with trail.open() as owner:
        owner.execute(change.encode())
    assert [row[-1] for row in trail.found_by(TAMPERED)] == problems


ANOTHER = "(SELECT max(id) FROM credit_actions WHERE action_type = 'ai_chat' AND credits_consumed > 0)"
AGAIN = """
    SELECT add_credit_action_seal(seal.first_place, seal.last_place, found.actions, found.credits, found.digest, {})
    FROM (SELECT first_place, max(last_place) AS last_place FROM credit_action_seals GROUP BY 1) AS seal
    CROSS JOIN LATERAL digest_credit_actions(seal.first_place, seal.last_place) AS found
    WHERE first_place IN (SELECT first_place FROM tampered_credit_actions())
"""
LOG = """
    INSERT INTO credit_action_retentions (retention_id, first_place, place, action_id, line)
    SELECT {}, first_place, place, action_id, line FROM sealed_credit_actions() WHERE action_id = {}::text
"""
UNPROVEN, MISPLACED = "sealed again, and no retention proves it", "does not begin where the seal before it ends"
IMPOSSIBLE = "an amount its type cannot have"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (f"DELETE FROM credit_actions WHERE id = {ANOTHER};" + AGAIN.format("NULL"), MISPLACED),
        (f"DELETE FROM credit_actions WHERE id = {ANOTHER};" + AGAIN.format(7), UNPROVEN),
        (f"DELETE FROM credit_actions WHERE id = {ANOTHER};" + AGAIN.format(1), UNPROVEN),
        (LOG.format(2, ANOTHER) + f"; DELETE FROM credit_actions WHERE id = {ANOTHER};" + AGAIN.format(2), UNPROVEN),
        (
            LOG.format(2, ANOTHER)
            + f"; UPDATE credit_actions SET action_type = 'sms_send', created_at = created_at - INTERVAL '1 day' "
            f"WHERE id = {ANOTHER};" + AGAIN.format(2),
            UNPROVEN,
        ),
        (
            LOG.format(2, ANOTHER)
            + f"; UPDATE credit_actions SET created_at = created_at - INTERVAL '1 day' WHERE id = {ANOTHER};"
            + AGAIN.format(2),
            UNPROVEN,
        ),
        ("DELETE FROM credit_action_retentions", UNPROVEN),
        ("UPDATE credit_action_retentions SET line = replace(line, 'ai_chat', 'sms_send')", UNPROVEN),
        ("SELECT add_credit_action_seal(5, 9, 0, 0, '')", MISPLACED),
        (
            "SELECT add_credit_action_seal(max(last_place) + 2, max(last_place) + 2, 0, 0, '') "
            "FROM credit_action_seals",
            MISPLACED,
        ),
        (
            "ALTER TABLE credit_actions DISABLE TRIGGER impossible_credit_action; INSERT INTO credit_actions "
            "(organization_id, action_type, credits_consumed) SELECT id, 'ai_chat', -5 FROM organizations LIMIT 1",
            IMPOSSIBLE,
        ),
    ],
)  # fmt: skip
def test_what_is_sealed_again_needs_a_retention_that_proves_it(trail: Trail, change: str, problem: str) -> None:
    trail.value("SELECT summarize_credit_actions('2025-08-01')")
    assert trail.found_by(TAMPERED) == []
    with trail.open() as owner:
        owner.execute(change.encode())
    assert problem in [row[-1] for row in trail.found_by(TAMPERED)]


FILL = """
    INSERT INTO credit_actions (organization_id, action_type, credits_consumed, created_at)
    SELECT ids[1 + n %% cardinality(ids)], (%(types)s::text[])[1 + n %% 4], 1 + n %% 7, now() - n * INTERVAL '1 second'
    FROM generate_series(1, %(rows)s) AS n, (SELECT array_agg(id ORDER BY id) AS ids FROM organizations) AS o
"""
NEXT = "SELECT setval(pg_get_serial_sequence('credit_actions', 'id'), {})"
CHANGES = (
    "credits_consumed = credits_consumed + 1",
    "created_at = created_at - INTERVAL '1 microsecond'",
    "action_type = CASE action_type WHEN 'sms_send' THEN 'ai_chat' ELSE 'sms_send' END",
    "organization_id = (SELECT id FROM organizations AS o WHERE o.id <> credit_actions.organization_id LIMIT 1)",
    "id = id - 1000000000",
)
OF_A_SEAL = ("actions = actions + 1", "digest = head", "last_place = last_place - 1", "sealed_at = now()")
NEW = "INSERT INTO credit_actions ({}organization_id, action_type, credits_consumed) SELECT {}id, 'ai_chat', 3 "


@dataclass(frozen=True)
class ManyRows:
    """A long sealed trail, and its head, as somebody has kept it."""

    trail: Trail
    head: str
    ids: list[int]
    seals: int


@pytest.fixture(scope="module")
def many(plan: Plan, template: Callable[[str], str]) -> ManyRows:
    """Five thousand rows, or as many as RUNBOOK_SEALED_ROWS says."""
    trail = Trail(plan, template("audit_many"))
    with trail.open() as owner:
        owner.execute(FILL, {"types": list(TYPES), "rows": int(os.environ.get("RUNBOOK_SEALED_ROWS", "5000"))})
        owner.execute("ANALYZE credit_actions")
    head = seal(trail)
    ids = [row[0] for row in trail.rows("SELECT id FROM credit_actions ORDER BY id")]
    return ManyRows(trail, head, ids, trail.value("SELECT max(seal_id) FROM credit_action_seals"))


def bent(draw: random.Random, many: ManyRows) -> str:
    """Draw what somebody does to a sealed trail."""
    one, retention = draw.choice(many.ids[:-1]), draw.randrange(1, 4)
    change = draw.choice(
        [
            f"UPDATE credit_actions SET {draw.choice(CHANGES)} WHERE id = {one}",
            f"DELETE FROM credit_actions WHERE id = ANY (ARRAY{draw.sample(many.ids, draw.randrange(1, 5))})",
            NEW.format("id, ", f"{-draw.randrange(1, 1_000_000)}, ") + "FROM organizations LIMIT 1",
        ]
    )
    return draw.choice(
        [
            change,
            f"DELETE FROM credit_actions WHERE id = {one};{NEXT.format(one - 1)};"
            + NEW.format("", "") + "FROM organizations LIMIT 1",
            f"UPDATE credit_action_seals SET {draw.choice(OF_A_SEAL)} WHERE seal_id = {draw.randrange(many.seals) + 1}",
            f"{change};" + AGAIN.format(draw.choice(["NULL", retention])),
            f"{change};DELETE FROM credit_action_seals WHERE seal_id > {draw.randrange(many.seals)};"
            "SELECT seal_credit_actions()",
            LOG.format(retention, one)
            + f";UPDATE credit_actions SET {draw.choice(CHANGES[:4])} WHERE id = {one};" + AGAIN.format(retention),
        ]
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("role", ["", "service_role", "authenticated"])
def test_whatever_is_drawn_is_refused_or_found_against_the_head_that_was_kept(many: ManyRows, role: str) -> None:
    draw, refused = random.Random(f"{role} 200"), 0
    with many.trail.open() as owner:
        assert owner.execute("SELECT count(*) FROM tampered_credit_actions()").fetchone() == (0,)
        for _ in range(200):
            text = bent(draw, many)
            with owner.transaction(force_rollback=True):
                try:
                    with owner.transaction():
                        owner.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role or owner.info.user)))
                        owner.execute(text.encode())
                except psycopg.Error:
                    refused += 1
                    continue
                owner.execute("RESET ROLE")
                found = owner.execute(
                    "SELECT EXISTS (SELECT FROM tampered_credit_actions()), "
                    "EXISTS (SELECT FROM credit_action_seals WHERE head = %s)", [many.head],
                ).fetchone()  # fmt: skip
                assert found != (False, True), text
            owner.execute(NEXT.format(many.ids[-1]).encode())  # no rollback gives a sequence back
    assert refused == 200 if role else refused < 20


@pytest.mark.parametrize("given", [("ai_chat", -1), ("ai_chat", 0), ("fax", -1), ("migration", 0), ("retention", 0)])
def test_the_application_writes_no_amount_that_cannot_be(untouched: Trail, given: tuple[str, int]) -> None:
    insert = "INSERT INTO credit_actions (organization_id, action_type, credits_consumed) VALUES (%s, %s, %s)"
    with untouched.open("service_role") as service, pytest.raises(psycopg.errors.CheckViolation, match="An audit row"):
        service.execute(insert, [untouched.organizations()[0], *given])


def test_credits_of_a_type_that_only_the_owner_writes_are_found(trail: Trail) -> None:
    insert = "INSERT INTO credit_actions (organization_id, action_type, credits_consumed) VALUES (%s, 'retention', 5)"
    with trail.open("service_role") as service:
        service.execute(insert, [trail.organizations()[0]])
    assert IMPOSSIBLE in [row[-1] for row in trail.found_by(TAMPERED)]


@pytest.mark.parametrize(
    "shape",
    [
        "ALTER TABLE credit_actions DROP COLUMN id; "
        "ALTER TABLE credit_actions ADD id uuid PRIMARY KEY DEFAULT gen_random_uuid()",
        "ALTER TABLE credit_actions DROP COLUMN user_id, DROP COLUMN ip_address, DROP COLUMN user_agent",
        "ALTER TABLE credit_actions DROP COLUMN id",
    ],
)
def test_a_trail_of_another_shape_is_sealed_and_held(plan: Plan, trail: Trail, shape: str) -> None:
    audit = plan.task(AUDIT)
    with trail.open() as owner:
        owner.execute(audit.rollback.read_bytes())
        owner.execute(shape.encode())
        migrate(owner, audit.notebook)
        # Nobody writes now, so what is a moment old is sealed as well.
        recent = "created_at > now() - INTERVAL '1 hour'"
        earlier = f"UPDATE credit_actions SET created_at = created_at - INTERVAL '1 hour' WHERE {recent}"
        owner.execute(earlier.encode())
        owner.execute("DELETE FROM credit_action_seals")
        owner.execute("SELECT seal_credit_actions()")
    assert trail.value("SELECT sum(actions)::bigint = (SELECT count(*) FROM credit_actions) FROM credit_action_seals")
    for check in (COMPLETE, SANE, TAMPERED):
        assert trail.found_by(check) == [], check
    changed = "(SELECT ctid FROM credit_actions WHERE action_type = 'ai_chat' ORDER BY created_at LIMIT 1)"
    for change in ("UPDATE credit_actions SET credits_consumed = 9999", "DELETE FROM credit_actions"):
        with trail.open() as owner, owner.transaction(force_rollback=True):
            owner.execute(f"{change} WHERE ctid = {changed}".encode())
            rows = owner.execute("SELECT problem FROM tampered_credit_actions()").fetchall()
            assert rows == [("changed",)] if change.startswith("UPDATE") else [("missing",)]
    if "DROP COLUMN id;" in shape or "user_id" in shape:
        totals = (
            "SELECT organization_id, action_type, sum(credits_consumed) FROM credit_actions GROUP BY 1, 2 ORDER BY 1, 2"
        )
        before = [row for row in trail.rows(totals) if row[1] != "retention"]
        assert trail.value("SELECT summarize_credit_actions('2025-08-01')") > 0
        assert [row for row in trail.rows(totals) if row[1] != "retention"] == before
        assert trail.found_by(TAMPERED) == []


def test_what_anonymization_takes_is_not_sealed_and_the_rest_is(trail: Trail) -> None:
    head = seal(trail)
    for organization in trail.organizations():
        assert trail.anonymize(organization) > 0
    assert trail.found_by(TAMPERED) == []
    assert seal(trail) != head  # the rows that say so
    assert trail.found_by(TAMPERED) == []


def test_sealing_again_seals_what_is_new_and_nothing_else(trail: Trail) -> None:
    head = seal(trail)
    assert seal(trail) == head
    spend(trail, trail.organizations()[0], 3)
    seal(trail)
    row = trail.rows("SELECT actions, previous FROM credit_action_seals ORDER BY seal_id DESC LIMIT 1")
    assert row == [(3, head)]


def test_a_lower_id_committed_after_a_higher_one_is_sealed_with_it(trail: Trail) -> None:
    """The sealer waits for whoever may still commit an id below the newest, and for nobody else."""
    first, second, *_ = trail.organizations()
    seal(trail)
    call = "SELECT consume_credits_rpc(%s, 'ai_chat', 1)"
    with ThreadPoolExecutor(1) as pool, trail.open() as slow:
        slow.execute("BEGIN")
        slow.execute(call, [first])
        spend(trail, second, 1)
        sealing = pool.submit(seal, trail)
        waits = "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'seal_credit_actions' AND wait_event = 'PgSleep'"
        while not trail.value(waits):
            assert not sealing.done()
        spend(trail, second, 1)  # who comes later is neither held up nor waited for
        slow.execute("COMMIT")
        sealing.result()
    assert trail.value("SELECT actions FROM credit_action_seals ORDER BY seal_id DESC LIMIT 1") == 2
    assert trail.found_by(TAMPERED) == []


def test_sealing_under_concurrent_consumption_misses_no_row(trail: Trail) -> None:
    organizations = trail.organizations()
    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(spend, trail, one, 60) for one in [organizations[0]] * 2 + organizations[1:3]]
        while not all(job.done() for job in jobs):
            seal(trail)
        for job in jobs:
            job.result()
    seal(trail)
    assert trail.found_by(TAMPERED) == []
    sealed = "SELECT sum(actions)::bigint = (SELECT count(*) FROM credit_actions) FROM credit_action_seals"
    assert trail.value(sealed)


def test_a_transaction_that_never_ends_is_not_waited_for_for_ever(trail: Trail) -> None:
    with trail.open() as slow:
        slow.execute("BEGIN")
        slow.execute("SELECT consume_credits_rpc(%s, 'ai_chat', 1)", [trail.organizations()[0]])
        with pytest.raises(psycopg.errors.LockNotAvailable, match="has not ended for ten seconds"):
            seal(trail)
    seal(trail)
    assert trail.found_by(TAMPERED) == []


@pytest.mark.parametrize(
    "prepare",
    ["SET default_transaction_isolation = 'repeatable read'", "ALTER SEQUENCE credit_actions_id_seq CACHE 10"],
)
def test_where_a_row_could_slip_through_nothing_is_sealed(trail: Trail, prepare: str) -> None:
    with trail.open() as owner:
        owner.execute(prepare.encode())
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="READ COMMITTED"):
            owner.execute("SELECT seal_credit_actions()")


# Retention

BY_TYPE = """
    SELECT a.organization_id, a.action_type, a.id > migrated.id, sum(a.credits_consumed)
    FROM credit_actions AS a JOIN credit_actions AS migrated USING (organization_id)
    WHERE migrated.action_type = 'migration' AND a.credits_consumed > 0
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
PAST = "action_type = ANY (ARRAY['ai_chat', 'whatsapp_message', 'email_send', 'sms_send']) AND created_at < %s"


def test_what_is_past_retention_is_summed_up_and_nothing_is_lost(trail: Trail, plan: Plan) -> None:
    organization = trail.organizations()[0]
    with trail.open() as owner:  # columns of the application, called as the function calls its own
        owner.execute("ALTER TABLE credit_actions ADD is_since text, ADD is_personal text, ADD place text")
    spend(trail, organization, 12)
    totals, until = trail.rows(BY_TYPE), "2025-08-01"
    before = trail.value(f"SELECT count(*) FROM credit_actions WHERE {PAST}", until)
    others = f"SELECT * FROM credit_actions WHERE NOT ({PAST}) AND action_type <> 'retention' ORDER BY id"
    recent = trail.rows(others, until)
    removed = trail.value("SELECT summarize_credit_actions(%s)", until)
    left = trail.rows(
        f"SELECT count(*), count(DISTINCT (organization_id, action_type)), coalesce(bool_or({PERSONAL}), false), "
        f"array_agg(DISTINCT description) FROM credit_actions WHERE {PAST}",
        until,
    )
    assert 0 < removed < before
    assert left == [(before - removed, before - removed, False, ["ANONYMIZED"])]
    assert trail.rows(BY_TYPE) == totals
    assert trail.rows(others, until) == recent
    for check in (COMPLETE, SANE, ONE_MIGRATION, TAMPERED):
        assert trail.found_by(check) == []
    logged = "SELECT count(*), sum(credits_consumed) FROM credit_actions WHERE action_type = 'retention'"
    assert trail.value("SELECT summarize_credit_actions(%s)", until) == 0
    assert trail.rows(logged) == [
        (trail.value(f"SELECT count(DISTINCT organization_id) FROM credit_actions WHERE {PAST}", until), 0)
    ]


def test_a_call_that_had_begun_before_the_migration_is_summed_up_with_those_after_it(trail: Trail) -> None:
    organization = trail.organizations()[0]
    spend(trail, organization, 8)
    with trail.open(runbook__ids_in_order="true", runbook__sample=organization) as owner:
        owner.execute("CREATE DOMAIN pg_temp.key AS uuid")
        owner.execute(
            """
            UPDATE credit_actions AS a SET created_at = migrated.created_at - interval '1 s'
            FROM credit_actions AS migrated
            WHERE (migrated.organization_id, migrated.action_type) = (%(id)s, 'migration') AND a.id = (
                SELECT min(id) FROM credit_actions WHERE organization_id = %(id)s AND id > migrated.id)
            """,
            {"id": organization},
        )
        with owner.transaction(force_rollback=True):
            answers = owner.execute(trail.asked_by(SUMMARIZED).encode())
            while answers.nextset():
                pass
            assert [claim for claim, holds in answers.fetchall() if not holds] == []


def test_after_a_retention_the_rollback_still_folds_every_credit(trail: Trail, plan: Plan) -> None:
    organization = trail.organizations()[0]
    used = "SELECT used_credits FROM organization_credits WHERE organization_id = %s"
    before = trail.value(used, organization)
    spend(trail, organization, 12)
    trail.value("SELECT summarize_credit_actions('infinity')")
    spend(trail, organization, 4)
    assert trail.found_by(COMPLETE) == []
    with trail.open() as owner:
        for number in (AUDIT, MIGRATION):
            owner.execute(plan.task(number).rollback.read_bytes())
    assert trail.value(used, organization) == before + 4 * (1 + 2 + 3) + 1 + 2 + 3 + 1


def test_a_trail_that_was_bent_is_not_summed_up(trail: Trail) -> None:
    with trail.open() as owner:
        owner.execute("DELETE FROM credit_actions WHERE id = 20")
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="not what was sealed"):
            owner.execute("SELECT summarize_credit_actions('infinity')")
    assert [row[-1] for row in trail.found_by(TAMPERED)] == ["missing"]


@pytest.mark.parametrize("role", ["service_role", "authenticated", "anon", "organization_user"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT summarize_credit_actions('infinity')",
        "SELECT add_credit_action_seal(1, 2, 0, 0, 'forged')",
        "DELETE FROM credit_action_retentions",
        "UPDATE credit_action_seals SET digest = ''",
        "DELETE FROM credit_action_seals",
    ],
)
def test_nobody_but_the_owner_sums_up_or_seals_by_hand(untouched: Trail, role: str, statement: str) -> None:
    with untouched.open(role) as connection, pytest.raises(DENIED):
        connection.execute(statement.encode())


def test_the_notebook_sums_up_only_when_it_is_asked_to(trail: Trail, plan: Plan) -> None:
    (cell,) = (
        cell
        for cell in cells.read_cells(plan.task(AUDIT).notebook)
        if "apply" in cell.tags and "removed\nWHERE" in cell.body
    )
    rows = trail.value("SELECT count(*) FROM credit_actions")
    asked = {"runbook__retention_until": "infinity", "runbook__purge_past_retention": "False"}
    with trail.open(**asked) as owner:
        owner.execute(cell.body.encode())
        assert trail.value("SELECT count(*) FROM credit_actions") == rows
        owner.execute("SET runbook.purge_past_retention = 'True'")
        owner.execute(cell.body.encode())
    assert trail.value("SELECT count(*) FROM credit_actions") < rows


# The rollback


def test_the_rollback_gives_the_privileges_back_and_may_run_twice(trail: Trail, plan: Plan) -> None:
    audit = plan.task(AUDIT)
    script = audit.rollback.read_bytes()
    with trail.open() as owner:
        owner.execute(script)
        before = snapshot.schema_dump(Target.at(trail.url))
        migrate(owner, audit.notebook)
        assert snapshot.schema_dump(Target.at(trail.url)) != before
        for _ in range(2):
            owner.execute(script)
            assert snapshot.schema_dump(Target.at(trail.url)) == before
    with trail.open("service_role") as service:
        service.execute("UPDATE credit_actions SET description = 'x' WHERE id = -1")
