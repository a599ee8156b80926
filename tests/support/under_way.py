"""A small target whose migration and rollback go statement by statement, and sessions of others beside them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import psycopg

from runbook.database import embedded
from runbook.database.ledger import Ledger
from runbook.plan.plan import Plan
from runbook.plan.rollback_script import ScriptPart, rollback_parts
from tests.support.beside import wait_until, waits_for

MIGRATION = 2
ROOMY = "SELECT organization_id FROM organization_credits WHERE remaining_credits > 99 ORDER BY 1 LIMIT 2"
BORN = """
    WITH born AS (
        INSERT INTO organizations (name, plan_name, total_credits) VALUES ('Born', 'starter', 1000) RETURNING id
    )
    INSERT INTO organization_credits (organization_id, total_credits, used_credits, remaining_credits)
    SELECT id, 1000, %s, 1000 - %s FROM born RETURNING organization_id
"""
BOOK = """
    CREATE FUNCTION book() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE organization_credits
        SET used_credits = used_credits + NEW.credits_consumed,
            remaining_credits = remaining_credits - NEW.credits_consumed
        WHERE organization_id = NEW.organization_id;
        RETURN NULL;
    END $$;
"""


class Target:
    """A small target, and sessions on it."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self._url, self._stack = url, stack
        self.runbook, self.observer = self.open(), self.open()

    def open(self) -> psycopg.Connection:
        return self._stack.enter_context(psycopg.connect(self._url, autocommit=True))

    def roomy(self) -> list[str]:
        return [row[0] for row in self.observer.execute(ROOMY)]

    def born(self, used: int = 0) -> str:
        """Create an organization whose application says that it has used something already."""
        row = self.observer.execute(BORN, [used, used]).fetchone()
        assert row
        return str(row[0])

    def go_back(self, plan: Plan, before: Callable[[ScriptPart], None] = lambda part: None) -> None:
        """Execute the rollback of the migration; `before` is called before each of its parts."""
        for part in rollback_parts(plan.task(MIGRATION)):
            if part.magic != "deployed":
                before(part)
                self.runbook.execute(part.body.encode())

    def waits(self, waiting: psycopg.Connection, holding: psycopg.Connection) -> None:
        wait_until(lambda: waits_for(self.observer, waiting, holding))


@contextmanager
def small_target(plan: Plan, name: str = "under_way") -> Iterator[Target]:
    """Offer a baseline of fifty organizations in a database of the test alone; it is dropped afterwards."""
    local = plan.environment("local")
    settings = {"runbook.organizations": "50", "runbook.actions_per_organization": "4"}
    server = embedded.start(plan.root)
    embedded.drop(server, name)
    embedded.fill(server, replace(local, baseline=replace(local.baseline, settings=settings)), name)
    with ExitStack() as stack:
        target = Target(embedded.url(server, name, local.owner), stack)
        Ledger(target.runbook, plan.name).prepare()
        yield target
    embedded.drop(server, name)
