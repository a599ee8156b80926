"""Callers of the consumption function, of every form, beside the cells of a migration, and what they paid."""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from tests.support.databases import Database
from tests.support.draw import Moment
from tests.support.traffic import TYPES

# Some organizations with room, and what others built upon the function.
READY = """
CREATE SCHEMA api;
CREATE FUNCTION api.spend(o uuid, t text, n integer) RETURNS jsonb LANGUAGE sql
RETURN public.consume_credits_rpc(o, t, n);
CREATE FUNCTION api.spend_by_name(o uuid, t text, n integer) RETURNS jsonb LANGUAGE sql
AS $$ SELECT public.consume_credits_rpc(p_credits => n, p_organization_id => o, p_action_type => t) $$;
CREATE FUNCTION api.spend_in_a_block(o uuid, t text, n integer) RETURNS jsonb LANGUAGE plpgsql
AS $$ BEGIN RETURN public.consume_credits_rpc(o, t, n); END $$;
CREATE PROCEDURE api.spend_one_by_one(o uuid, t text, n integer) LANGUAGE plpgsql
AS $$ BEGIN FOR i IN 1 .. n LOOP PERFORM public.consume_credits_rpc(o, t, 1); COMMIT; END LOOP; END $$;
REVOKE ALL ON ALL ROUTINES IN SCHEMA api FROM PUBLIC;

CREATE TEMP TABLE roomy AS
SELECT id FROM organizations JOIN organization_credits ON organization_id = id
WHERE name !~ '^Edge case' ORDER BY id LIMIT 6;
UPDATE organizations SET plan_name = NULL, total_credits = 1000000 WHERE id IN (SELECT id FROM roomy);
UPDATE organization_credits SET total_credits = 1000000, remaining_credits = 1000000 - used_credits
WHERE organization_id IN (SELECT id FROM roomy);
"""
ROOMY = "SELECT id::text FROM organizations WHERE total_credits = 1000000 ORDER BY id"
CALL = "SELECT public.consume_credits_rpc(%s, %s, %s)"
DEBIT = (
    "UPDATE organization_credits SET used_credits = used_credits + %s, remaining_credits = remaining_credits - %s"
    " WHERE organization_id = %s"
)
LOG = "INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) VALUES (%s, %s, %s, '')"
PATIENCE = 60  # seconds for a caller to end
Spent = list[tuple[str, str, int]]
Kind = Callable[[psycopg.Connection, random.Random, tuple[str, str, int]], Spent]


@dataclass
class Callers:
    """Starts callers beside cells, and keeps what they were told.

    Attributes:
        spent: credits, by organization and action type, of every call that was committed.
        failures: what callers were told instead.
        kinds: the forms they take.
    """

    dice: random.Random
    kinds: Sequence[Kind] = ()
    spent: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    organizations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock, self._threads = threading.Lock(), list[threading.Thread]()
        self._session: psycopg.Connection | None = None

    def watch(self, moment: Moment) -> None:
        """Start one or two callers before a cell that changes the target; wait for all before a task's gate."""
        if "conclude()" in moment.source:
            self.join()
        elif "apply" in moment.tags:
            if not self.organizations:
                with psycopg.connect(moment.database.owner) as connection:
                    self.organizations = [row[0] for row in connection.execute(ROOMY)]
            for _ in range(self.dice.randint(1, 2)):
                self._start(moment.database, self.dice.choice(self.kinds or KINDS))

    def join(self) -> None:
        """Wait until every caller has ended."""
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), f"A caller has waited for {PATIENCE} s."
        self._threads.clear()

    def _start(self, database: Database, kind: Kind) -> None:
        dice = random.Random(self.dice.random())
        thread = threading.Thread(target=self._call, args=(database, kind, dice), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _call(self, database: Database, kind: Kind, dice: random.Random) -> None:
        try:
            with psycopg.connect(database.owner, autocommit=True, application_name="a caller") as connection:
                spent = kind(connection, dice, self._one(dice))
        except psycopg.errors.SerializationFailure as error:  # whoever asks for one snapshot must take that
            if kind is in_a_snapshot:
                return
            self.failures.append(f"{kind.__name__}: {error}")
        except psycopg.Error as error:
            self.failures.append(f"{kind.__name__}: {' '.join(str(error).split())}")
        else:
            with self._lock:
                for organization, action, amount in spent:
                    self.spent[organization, action] += amount

    def _one(self, dice: random.Random) -> tuple[str, str, int]:
        return dice.choice(self.organizations), dice.choice(TYPES), dice.randint(1, 3)


def plainly(connection: psycopg.Connection, dice: random.Random, one: tuple[str, str, int]) -> Spent:
    """Call once."""
    connection.execute(CALL, one)
    return [one]


def in_an_open_transaction(connection: psycopg.Connection, dice: random.Random, one: tuple[str, str, int]) -> Spent:
    """Call, wait, call again, and commit, or do not."""
    connection.execute("BEGIN")
    connection.execute(CALL, one)
    connection.execute("SELECT pg_sleep(%s)", [dice.random() * 0.8])
    connection.execute(CALL, one)
    ends = dice.choice(("COMMIT", "COMMIT", "ROLLBACK"))
    connection.execute(ends.encode())
    return [one, one] if ends == "COMMIT" else []


def before_and_after_a_wait(connection: psycopg.Connection, dice: random.Random, one: tuple[str, str, int]) -> Spent:
    """Begin a transaction long before its only call."""
    with connection.transaction():
        connection.execute("SELECT count(*), pg_sleep(%s) FROM organizations", [dice.random() * 0.8])
        connection.execute(CALL, one)
    return [one]


def in_a_snapshot(connection: psycopg.Connection, dice: random.Random, one: tuple[str, str, int]) -> Spent:
    """Call in a transaction that sees one moment."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    connection.execute("SELECT count(*), pg_sleep(%s) FROM credit_actions", [dice.random() * 0.5])
    connection.execute(CALL, one)
    connection.execute("COMMIT")
    return [one]


def after_a_change_of_mind(connection: psycopg.Connection, dice: random.Random, one: tuple[str, str, int]) -> Spent:
    """Call, take it back, call again."""
    with connection.transaction():
        connection.execute("SAVEPOINT mind")
        connection.execute(CALL, one)
        connection.execute("ROLLBACK TO SAVEPOINT mind")
        connection.execute(CALL, one)
    return [one]


def in_one_long_statement(connection: psycopg.Connection, dice: random.Random, one: tuple[str, str, int]) -> Spent:
    """Call many times in one statement, with rests."""
    organization, action, amount = one
    times = dice.randint(5, 25)
    query = "SELECT public.consume_credits_rpc(%s, %s, %s), pg_sleep(0.03) FROM generate_series(1, %s)"
    connection.execute(query, [organization, action, amount, times])
    return [one] * times


def prepared(connection: psycopg.Connection, dice: random.Random, one: tuple[str, str, int]) -> Spent:
    """Call by a statement that is prepared once, with rests."""
    connection.execute("PREPARE call AS SELECT public.consume_credits_rpc($1, $2, $3)")
    times = dice.randint(5, 15)
    values = sql.SQL(", ").join(map(sql.Literal, one))
    for _ in range(times):
        connection.execute(sql.SQL("EXECUTE call ({})").format(values))
        connection.execute("SELECT pg_sleep(0.05)")
    return [one] * times


def through_others(connection: psycopg.Connection, dice: random.Random, one: tuple[str, str, int]) -> Spent:
    """Call what calls the function: bound to it, by its name, from a block."""
    names = ("api.spend", "api.spend_by_name", "api.spend_in_a_block")
    for name in names:
        connection.execute(f"SELECT {name}(%s, %s, %s), pg_sleep(0.1)".encode(), one)
    return [one] * len(names)


def through_a_procedure(connection: psycopg.Connection, dice: random.Random, one: tuple[str, str, int]) -> Spent:
    """Call a procedure that commits after each credit."""
    connection.execute("CALL api.spend_one_by_one(%s, %s, %s)", one)
    return [one]


def as_a_member(connection: psycopg.Connection, dice: random.Random, one: tuple[str, str, int]) -> Spent:
    """Call with the token of a member of the organization."""
    member = connection.execute("SELECT user_id FROM members WHERE organization_id = %s", [one[0]]).fetchone()
    assert member is not None
    with connection.transaction():
        connection.execute("SELECT set_config('request.jwt.claims', %s, true)", [json.dumps({"sub": str(member[0])})])
        connection.execute("SET LOCAL ROLE authenticated")
        connection.execute(CALL, one)
    return [one]


def past_the_function(connection: psycopg.Connection, dice: random.Random, one: tuple[str, str, int]) -> Spent:
    """Write the balance and the trail directly; what is refused with a sentence is not spent."""
    organization, action, amount = one
    try:
        with connection.transaction():
            connection.execute(DEBIT, [amount, amount, organization])
            connection.execute("SELECT pg_sleep(%s)", [dice.random() * 0.3])
            connection.execute(LOG, [organization, action, amount])
    except psycopg.errors.ObjectNotInPrerequisiteState as refused:
        assert "consume_credits_rpc" in str(refused)
        return []
    return [one]


KINDS = (
    plainly,
    in_an_open_transaction,
    before_and_after_a_wait,
    in_a_snapshot,
    after_a_change_of_mind,
    in_one_long_statement,
    prepared,
    through_others,
    through_a_procedure,
)
