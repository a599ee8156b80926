"""Task 2 on a database of the bench: the brief's literal SQL, or the cells of our notebook."""

import re
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any, cast

import psycopg
from IPython.utils.capture import capture_output
from psycopg.types.json import Jsonb

from bench.place import Place
from runbook.database.ledger import Ledger
from runbook.database.target import Target
from runbook.notebook.backfill import backfill
from runbook.plan import cells, parameters
from runbook.query import concurrent_indexes
from runbook.query.send import as_setting

TASK = 2
HEADING = re.compile(r"^#{4,5} \*\*(\d+(?:\.\d+)+): ", re.MULTILINE)
BLOCK = re.compile(r"^```sql\n(.*?)^```", re.MULTILINE | re.DOTALL)
ON_ORGANIZATIONS = re.compile(r"\sON\s+organizations\b")


def brief(place: Place) -> dict[str, str]:
    """Return the brief's literal SQL by step number; the first block of a step."""
    _, *parts = HEADING.split((place.plan.root / "docs" / "BRIEF.md").read_text(encoding="utf-8"))
    sections = zip(parts[::2], parts[1::2], strict=True)
    return {number: found[1] for number, section in sections if (found := BLOCK.search(section))}


@dataclass
class Notebook:
    """The cells of Task 2's notebook that change the target."""

    place: Place

    @cached_property
    def cells(self) -> list[cells.Cell]:
        """All cells, in order."""
        return cells.read_cells(self.place.plan.task(TASK).notebook)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The parameters, at their defaults."""
        source = next(cell.source for cell in self.cells if "parameters" in cell.tags)
        return {name: found.default for name, found in parameters.declarations(source).items()}

    @cached_property
    def statement(self) -> str:
        """The statement each batch of the backfill runs."""
        return next(cell.body for cell in self.cells if cell.magic and cell.magic[0] == "backfill")

    def definitions(self, *, on_organizations: bool) -> str:
        """Return the CREATE INDEX statements: those on the table being migrated, or the others."""
        bodies = [cell.body for cell in self.cells if cell.magic and cell.magic[0] == "concurrently"]
        statements = [part for body in bodies for part in body.split(";") if part.strip()]
        return ";".join(part for part in statements if bool(ON_ORGANIZATIONS.search(part)) == on_organizations)

    def apply(self, connection: psycopg.Connection, *steps: str) -> None:
        """Run the `%%sql` cells of some steps that change the target."""
        for name, value in self.parameters.items():
            connection.execute("SELECT set_config(%s, %s, false)", [f"runbook.{name}", as_setting(value)])
        for cell in self.cells:
            if cell.step in steps and "apply" in cell.tags and cell.magic and cell.magic[0] == "sql":
                connection.execute(cell.body.encode())

    def prepare(self, connection: psycopg.Connection) -> None:
        """Run what comes before the backfill, but for the indexes: ledger, columns, functions, triggers, the bridge."""
        Ledger(connection, self.place.plan.name).prepare()
        connection.execute("CREATE TABLE runbook.bench (name text, value jsonb)")
        self.apply(connection, "2.1.1", "2.1.2", "2.2.1")

    def build(self, connection: psycopg.Connection, *, on_organizations: bool) -> None:
        """Build indexes as the notebook does, one by one and concurrently."""
        concurrent_indexes.carry_out(connection, self.definitions(on_organizations=on_organizations))

    def backfill(self, connection: psycopg.Connection, database: str, **given: Any) -> dict[str, Any]:
        """Run the backfill by the runbook's own machinery and return its figures, history included."""
        plan, environment = self.place.environment(database)
        written: dict[str, Any] = {}

        def write(name: str, value: Any) -> None:
            # As the ledger does: synchronous, so that what the workers committed is durable too.
            connection.execute("INSERT INTO runbook.bench VALUES (%s, %s)", [name, Jsonb(value)])
            written.update(value)

        task = SimpleNamespace(
            plan=plan,
            environment=environment,
            target=Target.at(self.place.url(database), *plan.schemas),
            run_id="bench",
            connection=connection,
            ledger=Ledger(connection, plan.name),
            parameters={**self.parameters, **given},
            write=write,
        )
        with capture_output():
            backfill.run_backfill(cast(Any, task), "organizations", self.statement)
        return written

    def migrate(self, connection: psycopg.Connection, database: str) -> None:
        """Run the whole of Task 2, without its checks."""
        self.prepare(connection)
        self.build(connection, on_organizations=False)
        self.backfill(connection, database)
        self.build(connection, on_organizations=True)
        self.apply(connection, "2.3.1")
