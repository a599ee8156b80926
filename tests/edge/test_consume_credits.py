"""The Edge Function, asked over HTTP: who may consume, what is debited, and what is said when it cannot be."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.edge.conftest import new_organization
from tests.support import postgrest
from tests.support.edge import FUNCTION, PUBLIC_KEY, SECRET, member

pytestmark = pytest.mark.slow

POOLS = {"ai_chat": "ai", "whatsapp_message": "whatsapp", "email_send": "email", "sms_send": "sms"}
ALLOCATED = {"ai": 1500, "whatsapp": 1200, "email": 20000, "sms": 500}
NOBODY = "00000000-0000-0000-0000-000000000000"
CLIENTS, SPENDS = 8, 1000
IN_ANOTHER_SCHEMA = "CREATE SCHEMA another; GRANT USAGE ON SCHEMA another TO PUBLIC"
THERE_TOO = """
    CREATE FUNCTION another.consume_credits_rpc(p_organization_id uuid, p_action_type text, p_credits integer)
    RETURNS jsonb LANGUAGE sql AS 'SELECT public.consume_credits_rpc($1, $2, $3)'
"""


def used(owner: psycopg.Connection, organization: str) -> dict[str, int]:
    """Return what was debited, by pool; make sure the audit rows say the same."""
    row = owner.execute(
        "SELECT ai_used_credits, whatsapp_used_credits, email_used_credits, sms_used_credits "
        "FROM organizations WHERE id = %s",
        [organization],
    ).fetchone()
    counters = dict(zip(POOLS.values(), row, strict=True))
    logged = owner.execute(
        "SELECT action_type, sum(credits_consumed)::integer FROM credit_actions "
        "WHERE organization_id = %s AND action_type <> 'migration' GROUP BY 1",
        [organization],
    ).fetchall()
    assert {POOLS[action]: total for action, total in logged} == {pool: n for pool, n in counters.items() if n}
    return counters


def audit_rows(owner: psycopg.Connection, organization: str) -> int:
    rows = owner.execute(
        "SELECT count(*) FROM credit_actions WHERE organization_id = %s AND action_type <> 'migration'", [organization]
    )
    return rows.fetchone()[0]


def refused(answer, status: int, code: str) -> None:
    assert (answer.status, answer.body.get("code")) == (status, code), answer.body
    assert set(answer.body) == {"error", "code"}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


# What is consumed


@pytest.mark.parametrize("action", POOLS)
def test_each_type_debits_its_own_pool(edge, owner, organization, action):
    answer = edge.consume(organization, action, 3)
    assert answer.status == 200
    assert answer.body == {
        "success": True,
        "remaining_credits": ALLOCATED[POOLS[action]] - 3,
        "action_type": action,
        "credits_consumed": 3,
    }
    assert used(owner, organization) == dict.fromkeys(ALLOCATED, 0) | {POOLS[action]: 3}


def test_concurrent_clients_spend_one_balance_to_the_credit(edge, owner):
    balance = CLIENTS * SPENDS - 100
    organization = new_organization(owner, balance)
    token = member(organization)

    def spend(_):
        return [edge.consume(organization, token=token) for _ in range(SPENDS)]

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = [answer for answers in clients.map(spend, range(CLIENTS)) for answer in answers]
    assert Counter(answer.status for answer in answers) == {200: balance, 402: 100}
    assert sorted(a.body["remaining_credits"] for a in answers if a.status == 200) == list(range(balance))
    assert used(owner, organization)["ai"] == balance
    assert audit_rows(owner, organization) == balance


def test_a_trusted_server_consumes_for_any_organization(edge, owner, organization):
    assert edge.consume(organization, token=postgrest.token(SECRET, role="service_role")).status == 200
    assert used(owner, organization)["ai"] == 1


def test_the_older_kind_of_public_key_serves_too(start, organization):
    assert start(SUPABASE_ANON_KEY=PUBLIC_KEY).consume(organization).status == 200


def test_the_function_may_lie_in_another_schema(start, migrated, owner, organization):
    owner.execute(IN_ANOTHER_SCHEMA)
    try:
        edge = start(SUPABASE_ANON_KEY=PUBLIC_KEY, CREDITS_SCHEMA="another")
        assert edge.consume(organization).status == 500
        owner.execute(THERE_TOO)
        assert edge.consume(organization).status == 200
    finally:
        owner.execute("DROP SCHEMA another CASCADE")


# Idempotency


def test_a_retry_debits_once_and_gets_the_first_answer(edge, owner, organization):
    first = edge.consume(organization, credits=5, key="retry")
    edge.consume(organization, credits=1)
    again = edge.consume(organization, credits=5, key="retry")
    assert (first.status, again.status) == (200, 200)
    assert again.body == first.body
    assert used(owner, organization)["ai"] == 6
    assert audit_rows(owner, organization) == 2


def test_concurrent_retries_debit_once(edge, owner, organization):
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(lambda _: edge.consume(organization, credits=7, key="burst"), range(40)))
    assert {answer.status for answer in answers} == {200}
    assert len({json.dumps(answer.body) for answer in answers}) == 1
    assert used(owner, organization)["ai"] == 7
    assert audit_rows(owner, organization) == 1


@pytest.mark.parametrize(("action", "credits"), [("ai_chat", 6), ("sms_send", 5)])
def test_a_key_serves_one_request_only(edge, owner, organization, action, credits):
    edge.consume(organization, "ai_chat", 5, key="first")
    refused(edge.consume(organization, action, credits, key="first"), 422, "idempotency_key_reused")
    assert used(owner, organization) == dict.fromkeys(ALLOCATED, 0) | {"ai": 5}


def test_a_key_belongs_to_its_organization(edge, owner, organization):
    other = new_organization(owner)
    assert edge.consume(organization, key="same").status == edge.consume(other, key="same").status == 200
    assert used(owner, organization)["ai"] == used(owner, other)["ai"] == 1
    refused(edge.consume(organization, token=member(other), key="same"), 403, "forbidden")


def test_a_refused_request_leaves_its_key_free(edge, owner):
    organization = new_organization(owner, ai_credits=1)
    refused(edge.consume(organization, credits=2, key="later"), 402, "insufficient_credits")
    owner.execute("UPDATE organizations SET ai_credits = 2 WHERE id = %s", [organization])
    assert edge.consume(organization, credits=2, key="later").body["remaining_credits"] == 0
    assert edge.consume(organization, credits=2, key="later").status == 200
    assert used(owner, organization)["ai"] == 2


def test_a_request_that_timed_out_is_retried_without_a_second_debit(edge, owner, organization):
    with owner.transaction():
        owner.execute("SELECT FROM organizations WHERE id = %s FOR UPDATE", [organization])
        begun = time.monotonic()
        answer = edge.consume(organization, credits=9, key="timed-out")
        assert 4 < time.monotonic() - begun < 10
        refused(answer, 503, "unavailable")
    answer = edge.consume(organization, credits=9, key="timed-out")  # the first one goes on in the database
    assert (answer.status, answer.body["remaining_credits"]) == (200, 1491)
    assert used(owner, organization)["ai"] == 9
    assert audit_rows(owner, organization) == 1


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_nobody_reads_or_writes_the_keys(owner, role):
    with psycopg.connect(owner.info.dsn) as connection:
        connection.execute(f"SET ROLE {role}")
        for statement in ("SELECT FROM idempotency_keys", "DELETE FROM idempotency_keys", "TRUNCATE idempotency_keys"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement)


# Refusals


@pytest.mark.parametrize("key", ["", "key"])
@pytest.mark.parametrize("case", ["another member", "no organization", "empty organization", "malformed organization"])
def test_another_organization_is_out_of_reach(edge, owner, organization, case, key):
    claims = {"no organization": None, "empty organization": "", "malformed organization": "acme"}
    token = member(claims[case]) if case in claims else member(new_organization(owner))
    refused(edge.consume(organization, token=token, key=key), 403, "forbidden")
    assert used(owner, organization)["ai"] == 0


@pytest.mark.parametrize("organization_id", ["taken", "unknown"])
def test_a_member_cannot_tell_whether_another_organization_exists(edge, owner, organization, organization_id):
    asked = organization if organization_id == "taken" else NOBODY
    answer = edge.consume(asked, token=member(new_organization(owner)))
    assert answer.body == {"error": "Not allowed to consume credits of this organization", "code": "forbidden"}


@pytest.mark.parametrize("key", ["", "unknown"])
def test_an_unknown_organization_is_not_found(edge, owner, key):
    answer = edge.consume(NOBODY, token=postgrest.token(SECRET, role="service_role"), key=key)
    refused(answer, 404, "organization_not_found")
    assert owner.execute("SELECT FROM idempotency_keys WHERE organization_id = %s", [NOBODY]).fetchall() == []


def test_too_few_credits_are_said_in_the_words_of_the_brief(edge, owner):
    organization = new_organization(owner, ai_credits=4)
    answer = edge.consume(organization, credits=5)
    refused(answer, 402, "insufficient_credits")
    assert answer.body["error"] == "Insufficient ai_chat credits. Available: 4, Required: 5"
    assert used(owner, organization)["ai"] == 0


TOKENS = {
    "none": "",
    "another kind": "Basic dXNlcjpwYXNzd29yZA==",
    "nothing behind it": "Bearer ",
    "no token": "Bearer nonsense",
    "three parts of nothing": "Bearer a.b.c",
    "wrong secret": "Bearer " + postgrest.token("other", role="authenticated", organization_id=NOBODY),
    "unsigned": "Bearer " + postgrest.token(SECRET, role="service_role").rpartition(".")[0] + ".",
    "expired": "Bearer " + member(NOBODY, exp=int(time.time()) - 60),
    "anonymous": "Bearer " + postgrest.token(SECRET, role="anon", organization_id=NOBODY),
    "the public key": f"Bearer {PUBLIC_KEY}",
}


@pytest.mark.parametrize("case", TOKENS)
@pytest.mark.parametrize("key", ["", "token"])
def test_a_wrong_token_opens_nothing(edge, organization, case, key):
    body = json.dumps({"organization_id": organization, "action_type": "ai_chat", "credits": 1})
    headers = {"Authorization": TOKENS[case], "Idempotency_Key": key}
    answer = edge.send("POST", body, **{name: value for name, value in headers.items() if value})
    refused(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


GOOD = {"organization_id": NOBODY, "action_type": "ai_chat", "credits": 1}
BODIES = {
    "empty": "",
    "not JSON": "{organization_id}",
    "null": "null",
    "a list": "[]",
    "a string": '"ai_chat"',
    **{f"no {field}": json.dumps({k: v for k, v in GOOD.items() if k != field}) for field in GOOD},
    **{
        f"organization_id {value!r}": json.dumps(GOOD | {"organization_id": value})
        for value in (None, 1, "acme", NOBODY[:-1], NOBODY + "0", f"{{{NOBODY}}}", [NOBODY], NOBODY + "\n")
    },
    **{
        f"action_type {value!r}": json.dumps(GOOD | {"action_type": value})
        for value in (None, "", "fax", "AI_CHAT", "migration", 0, ["ai_chat"], "ai_chat'; --")
    },
    **{
        f"credits {value!r}": json.dumps(GOOD | {"credits": value})
        for value in (None, 0, -1, 0.5, "1", True, [1], 2**31, 1e300)
    },
    "credits NaN": json.dumps(GOOD | {"credits": float("nan")}),
}


@pytest.mark.parametrize("case", BODIES)
def test_bad_input_is_refused_before_the_database_is_asked(nowhere, case):
    refused(nowhere.send("POST", BODIES[case], Authorization="Bearer token"), 400, "invalid_request")


def test_ids_of_another_form_pass_where_the_project_says_what_they_look_like(deno):
    with deno.serve(
        SUPABASE_URL="http://127.0.0.1:9", SUPABASE_ANON_KEY=PUBLIC_KEY, CREDITS_ORGANIZATION_ID="[0-9]+"
    ) as edge:
        for organization, status in ((42, 503), ("42", 503), ("42a", 400), (NOBODY, 400), ([42], 400)):
            body = json.dumps(GOOD | {"organization_id": organization})
            assert edge.send("POST", body, Authorization="Bearer token").status == status


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "with space", "ünïcödé".encode().decode("latin-1")])
def test_a_bad_key_is_refused(nowhere, key):
    answer = nowhere.send("POST", json.dumps(GOOD), Authorization="Bearer token", Idempotency_Key=key)
    refused(answer, 400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_refused(nowhere, method):
    answer = nowhere.send(method, Authorization="Bearer token")
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST, OPTIONS"


def test_a_browser_may_ask_first(nowhere):
    answer = nowhere.send(
        "OPTIONS", Origin="https://example.com", Access_Control_Request_Headers="authorization, idempotency-key"
    )
    allowed = {name.strip() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert answer.headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert {"authorization", "x-client-info", "apikey", "content-type", "idempotency-key"} <= allowed


# Trouble


@pytest.fixture(scope="module")
def nowhere(deno):
    """The function where the API itself cannot be reached."""
    with deno.serve(SUPABASE_URL="http://127.0.0.1:9", SUPABASE_ANON_KEY=PUBLIC_KEY) as edge:
        yield edge


def unavailable(answer) -> None:
    refused(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_no_api(nowhere):
    unavailable(nowhere.consume(NOBODY))


def test_no_database(start, tmp_path):
    unavailable(start(make_conninfo(host=str(tmp_path), user="authenticator", dbname="edge")).consume(NOBODY))


def test_a_database_that_dies_under_the_request(edge, owner, organization):
    with ThreadPoolExecutor(1) as clients:
        with owner.transaction():
            owner.execute("SELECT FROM organizations WHERE id = %s FOR UPDATE", [organization])
            answer = clients.submit(edge.consume, organization, key="dies")
            assert _terminate_waiting(owner)
        unavailable(answer.result())
    assert used(owner, organization)["ai"] == 0
    assert edge.consume(organization, key="dies").status == 200
    assert used(owner, organization)["ai"] == 1


def _terminate_waiting(owner: psycopg.Connection) -> bool:
    waiting = "SELECT pid FROM pg_stat_activity WHERE usename = 'authenticator' AND wait_event_type = 'Lock'"
    with psycopg.connect(make_conninfo(owner.info.dsn, user="postgres"), autocommit=True) as superuser:
        for _ in range(80):
            if superuser.execute(f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS waiting").rowcount:
                return True
            time.sleep(0.05)
    return False


def test_a_lock_held_too_long(start, migrated, owner, organization):
    impatient = start(make_conninfo(migrated, user="authenticator", options="-c lock_timeout=100ms"))
    with owner.transaction():
        owner.execute("SELECT FROM organizations WHERE id = %s FOR UPDATE", [organization])
        unavailable(impatient.consume(organization))
    assert used(owner, organization)["ai"] == 0


def test_the_caller_learns_nothing_of_what_is_inside(edge, owner, organization):
    owner.execute("ALTER TABLE credit_actions RENAME TO hidden_actions")
    try:
        answer = edge.consume(organization)
    finally:
        owner.execute("ALTER TABLE hidden_actions RENAME TO credit_actions")
    assert (answer.status, answer.body) == (500, {"error": "Internal error", "code": "internal_error"})
    assert "credit_actions" in edge.log.read_text()  # the operator does
    assert used(owner, organization)["ai"] == 0


def test_no_token_and_no_key_reaches_the_log(start, organization):
    edge = start()
    for token in (member(organization), member(NOBODY), postgrest.token("other", role="authenticated")):
        edge.consume(organization, token=token)
        edge.consume(NOBODY, token=token, key="canary-key")
        assert token not in edge.log.read_text()
    assert SECRET not in edge.log.read_text()
    assert PUBLIC_KEY not in edge.log.read_text()
    assert "canary-key" not in edge.log.read_text()


# The source


def test_the_source_is_formatted_linted_and_well_typed(deno):
    deno.call("fmt", "--check", str(FUNCTION))
    deno.call("lint", str(FUNCTION))
    deno.call("check", *deno.locked, str(FUNCTION / "index.ts"))
