"""The baseline of the demonstration, of any size, in a database of the test alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from runbook.database import embedded
from runbook.plan.plan import Plan


@contextmanager
def baseline(plan: Plan, database: str, organizations: int) -> Iterator[str]:
    """Offer the URL of a database with so many organizations and no actions; it is dropped afterwards."""
    local = plan.environment("local")
    settings = {"runbook.organizations": str(organizations), "runbook.actions_per_organization": "0"}
    server = embedded.start(plan.root)
    embedded.drop(server, database)
    embedded.fill(server, replace(local, baseline=replace(local.baseline, settings=settings)), database)
    try:
        yield embedded.url(server, database, local.owner)
    finally:
        embedded.drop(server, database)
