"""Audit: what a million sealed audit rows cost to seal, to verify and to forget, and what a consumption pays for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

import psycopg

from bench import pgbench
from bench.figures import Finding, Options, Part, Sample, Say, interleave
from bench.migration import Notebook
from bench.pgbench import Script
from bench.place import Place
from runbook.plan import cells, parameters
from runbook.query.send import as_setting

TASK, EACH = 5, 50  # actions of an organization
PAUSE_S = 1.0
UNITS = {"seconds": "s", "wal_mb": "MB of WAL", "tps": "calls/s", "ms": "ms", "others": "%"}
ORGANIZATION, PERSON = "md5('20')::uuid", "md5('20 user')::uuid"
SEAL, VERIFY = "seal all rows", "verify all rows"
FORGET_ORGANIZATION, FORGET_PERSON = "forget an organization", "forget a person"
SUM_UP = "sum up half of the rows"
PLAIN, SEALED = "consume, 8 clients", "consume, 8 clients, sealed every second"
# What comes first is not timed; all of it is rolled back.
STATEMENTS = {
    SEAL: ("DELETE FROM credit_action_seals", "SELECT seal_credit_actions()"),
    VERIFY: ("", "SELECT count(*) FROM tampered_credit_actions()"),
    FORGET_ORGANIZATION: ("", f"SELECT anonymize_credit_actions({ORGANIZATION})"),
    FORGET_PERSON: ("", f"SELECT anonymize_credit_actions(p_user_id => {PERSON})"),
    SUM_UP: ("", "SELECT summarize_credit_actions('2025-07-01')"),
}
GOALS = {SEAL: "<= 10", VERIFY: "<= 10", FORGET_ORGANIZATION: "<= 1", FORGET_PERSON: "<= 1"}
ROWS = """
    INSERT INTO credit_actions
        (organization_id, user_id, action_type, credits_consumed, description, ip_address, user_agent, created_at)
    SELECT
        md5((1 + n % {organizations})::text)::uuid, md5((n % {people})::text || ' user')::uuid,
        (ARRAY['ai_chat', 'whatsapp_message', 'email_send', 'sms_send'])[1 + n % 4], 1 + n % 5, 'Mail from Ada',
        '192.0.2.7', 'Browser', TIMESTAMPTZ '2025-01-01' + n * INTERVAL '1 year' / {rows}
    FROM generate_series(1, {rows}) AS n
"""


def run(options: Options, place: Place, say: Say) -> Part:
    """Seal, verify, forget and sum up, each rolled back; then consume with and without a sealer beside it."""
    organizations = options.size(20_000, 400)
    rows, seconds = EACH * organizations, 1 if options.quick else 5
    database = place.copy(place.template(organizations))
    with place.connect(database) as connection:
        _prepare(place, connection, database, organizations)
        subjects = {name: partial(_time, place, connection, *texts) for name, texts in STATEMENTS.items()}
        consumptions = {
            name: partial(_consume, place, database, organizations, seconds, sealed=name == SEALED)
            for name in (PLAIN, SEALED)
        }
        samples = interleave({**subjects, **consumptions}, options.times(5, 1), options.patience, say)
    findings = [
        Finding(f"{name} ({rows:,} rows)", [one["seconds"] for one in samples[name]], "s", goal)
        for name, goal in GOALS.items()
    ]
    findings.append(Finding.ratio("consume: sealed every second / not", samples, SEALED, PLAIN, "tps", ">= 0.9"))
    return Part("audit", "The sealed audit trail", samples, UNITS, findings, {"rows": rows, "seconds": seconds})


def _prepare(place: Place, connection: psycopg.Connection, database: str, organizations: int) -> None:
    """Migrate, fill the trail, seal it."""
    Notebook(place).migrate(connection, database)
    rows = EACH * organizations
    connection.execute(ROWS.format(organizations=organizations, people=4 * organizations, rows=rows).encode())
    connection.execute("UPDATE organizations SET ai_credits = 1000000000")
    connection.execute("VACUUM (ANALYZE)")
    for cell in cells.read_cells(place.plan.task(TASK).notebook):
        if "parameters" in cell.tags:
            for name, given in parameters.declarations(cell.source).items():
                connection.execute("SELECT set_config(%s, %s, false)", [f"runbook.{name}", as_setting(given.default)])
        elif "apply" in cell.tags and cell.magic:
            connection.execute(cell.body.encode())


def _time(place: Place, connection: psycopg.Connection, before: str, statement: str) -> Sample:
    with connection.transaction(force_rollback=True):
        if before:
            connection.execute(before.encode())
        with place.measured() as measured:
            found = connection.execute(statement.encode()).fetchone()
        assert found and bool(found[0]) == ("tampered" not in statement), statement  # it did what is timed
    return measured


def _consume(place: Place, database: str, organizations: int, seconds: int, *, sealed: bool) -> Sample:
    text = f"\\set n random(13, {organizations})\nSELECT consume_credits_rpc(md5(:n::text)::uuid, 'ai_chat', 1);"
    with place.measured() as measured, _sealing(place, database) if sealed else nullcontext():
        found = pgbench.throughput(place.url(database), [Script(text)], 8, seconds)
    return {**found, "others": measured["others"]}


@contextmanager
def _sealing(place: Place, database: str) -> Iterator[None]:
    """Seal what came since, again and again, from a session beside."""
    left = threading.Event()

    def seal() -> None:
        with place.connect(database) as connection:
            while not left.wait(PAUSE_S):
                connection.execute("SELECT seal_credit_actions()")

    thread = threading.Thread(target=seal)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()
