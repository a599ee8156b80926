"""Consume: our function against one bare statement (the limit) and against the TypeScript's three round trips."""

from functools import partial

import psycopg

from bench import pgbench
from bench.figures import Finding, Options, Part, Sample, Say, interleave
from bench.migration import Notebook
from bench.pgbench import Script
from bench.place import Place

OF_THE_LIMIT = ">= 0.9"
FASTER_THAN_TYPESCRIPT = ">= 2"
CLIENTS = (1, 8)
ID = "md5(:n::text)::uuid"  # how the demo data names its organizations
LOGGED = "credit_actions (organization_id, action_type, credits_consumed, description)"
OURS, LIMIT, TYPESCRIPT = "our function", "one statement", "TypeScript"
SPREAD, THROUGH_API = "spread", "spread, through the API"
# What each sends, a round trip a statement
STATEMENTS = {
    OURS: [f"SELECT consume_credits_rpc({ID}, 'ai_chat', 1);"],
    LIMIT: [
        "WITH debit AS (UPDATE organizations SET ai_used_credits = ai_used_credits + 1 "
        f"WHERE id = {ID} AND ai_credits - ai_used_credits >= 1 "
        "RETURNING id, ai_credits - ai_used_credits AS remaining), "
        f"logged AS (INSERT INTO {LOGGED} SELECT id, 'ai_chat', 1, 'Consumed 1 ai_chat credits' FROM debit) "
        "SELECT remaining FROM debit;"
    ],
    TYPESCRIPT: [
        "SELECT ai_credits, whatsapp_credits, email_credits, sms_credits, ai_used_credits, whatsapp_used_credits, "
        f"email_used_credits, sms_used_credits FROM organizations WHERE id = {ID} \\gset",
        f"\\set used :ai_used_credits + 1\nUPDATE organizations SET ai_used_credits = :used WHERE id = {ID};",
        f"INSERT INTO {LOGGED} VALUES ({ID}, 'ai_chat', 1, 'Consumed 1 ai_chat credits');",
    ],
}
# What the API puts around each of them: to supabase-js every statement is a request of its own
REQUEST = (
    "BEGIN;\nSELECT set_config('search_path', 'public', true), set_config('role', 'service_role', true), "
    """set_config('request.jwt.claims', '{{"role": "service_role"}}', true), """
    "set_config('request.method', 'POST', true), set_config('request.path', '/', true), "
    "set_config('request.headers', '{{}}', true), set_config('request.cookies', '{{}}', true);\n{}\nCOMMIT;"
)
UNITS = {"tps": "calls/s", "ms": "ms", "lost": "% of debits", "others": "%"}


def run(options: Options, place: Place, say: Say) -> Part:
    """Consume AI credits on a migrated database, with 1 and 8 clients, spread over all organizations and on one."""
    organizations = options.size(20_000, 20_000)
    seconds = 1 if options.quick else 5
    database = place.copy(place.template(organizations))
    targets = {SPREAD: f"\\set n random(13, {organizations})", "hot": "\\set n 20"}
    with place.connect(database) as connection:
        prepare(connection, Notebook(place), database)
        consume = partial(_consume, place, connection, seconds)
        subjects = {
            _name(who, clients, where): partial(consume, [choice, *statements], clients)
            for clients in CLIENTS
            for where, choice in targets.items()
            for who, statements in STATEMENTS.items()
        }
        for who in (OURS, TYPESCRIPT):
            requests = [REQUEST.format(statement) for statement in STATEMENTS[who]]
            subjects[_name(who, 8, THROUGH_API)] = partial(consume, [targets[SPREAD], *requests], 8)
        samples = interleave(subjects, options.times(5, 1), options.patience, say)
    findings = [
        Finding.ratio(
            f"ours / {LIMIT}, {_count(clients)}, {where}",
            samples,
            _name(OURS, clients, where),
            _name(LIMIT, clients, where),
            "tps",
            OF_THE_LIMIT,
        )
        for clients in CLIENTS
        for where in targets
    ]
    for where in (SPREAD, THROUGH_API):
        pair = (_name(OURS, 8, where), _name(TYPESCRIPT, 8, where))
        findings.append(
            Finding.ratio(f"ours / TypeScript, 8 clients, {where}", samples, *pair, "tps", FASTER_THAN_TYPESCRIPT)
        )
    pair = (_name(LIMIT, 8, SPREAD), _name(TYPESCRIPT, 8, SPREAD))
    findings.append(Finding.ratio(f"{LIMIT} / TypeScript, 8 clients, {SPREAD}", samples, *pair, "tps"))
    lost = [max(sample["lost"] for name in subjects if name.startswith(OURS) for sample in samples[name])]
    findings.append(Finding("debits our function lost", lost, "%", "= 0"))
    hot = [sample["lost"] for sample in samples[_name(TYPESCRIPT, 8, "hot")]]
    findings.append(Finding("debits the TypeScript lost, 8 clients, hot", hot, "%"))
    return Part("consume", "Consumption of credits", samples, UNITS, findings, {"seconds": seconds})


def _name(who: str, clients: int, where: str) -> str:
    return f"{who}, {_count(clients)}, {where}"


def _count(clients: int) -> str:
    return f"{clients} {'client' if clients == 1 else 'clients'}"


def prepare(connection: psycopg.Connection, notebook: Notebook, database: str) -> None:
    """Migrate; then as after Task 4: without the indexes that make consumptions dearer, pages with room for HOT."""
    notebook.prepare(connection)
    notebook.build(connection, on_organizations=False)
    notebook.backfill(connection, database)
    notebook.apply(connection, "2.3.1")
    connection.execute("ALTER TABLE organizations SET (fillfactor = 90)")
    connection.execute("UPDATE organizations SET ai_credits = 1000000000")
    connection.execute("VACUUM (FULL, ANALYZE) organizations")


def _consume(place: Place, connection: psycopg.Connection, seconds: int, lines: list[str], clients: int) -> Sample:
    before, script = _counters(connection), Script("\n".join(lines))
    with place.measured() as measured:
        found = pgbench.throughput(place.url(connection.info.dbname), [script], clients, seconds)
    used, logged = (after - earlier for earlier, after in zip(before, _counters(connection), strict=True))
    return {**found, "lost": 100 * (logged - used) / logged, "others": measured["others"]}


def _counters(connection: psycopg.Connection) -> tuple[int, int]:
    """Return the credits debited so far, and those logged."""
    row = connection.execute(
        """
        SELECT
            (SELECT SUM(ai_used_credits) FROM organizations),
            (SELECT COALESCE(SUM(credits_consumed), 0) FROM credit_actions WHERE action_type = 'ai_chat')
        """
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
