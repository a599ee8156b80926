"""The ledger of a preflight: it reads the target's ledger, and keeps what is written in memory only."""

from collections.abc import Mapping
from typing import Any

import psycopg

from runbook.database.ledger import Ledger
from runbook.database.records import Check, TaskState


class UnwrittenLedger(Ledger):
    """A ledger that writes nothing; the target may have none."""

    keeps = False

    def __init__(self, connection: psycopg.Connection, plan: str, parameters: Mapping[str, Any]) -> None:
        super().__init__(connection, plan)
        self.parameters = dict(parameters)
        self.told: dict[str, Any] = {}
        self._checks: dict[str, Check] = {}

    def prepare(self) -> None:
        """Make nothing."""

    def open_run(self, *_: Any, **__: Any) -> None:
        """Remember nothing."""

    def start_task(self, *_: Any, **__: Any) -> None:
        """Remember nothing."""

    def finish_task(self, *_: Any, **__: Any) -> None:
        """Remember nothing."""

    def run_entry(self, run_id: str) -> dict[str, Any]:
        """Return what a run would be told: its parameters."""
        return {"parameters": self.parameters}

    def states(self) -> dict[int, TaskState]:
        """Return the last state of every task, none where the target has no ledger."""
        return super().states() if self.exists() else {}

    def record(self, run_id: str, task: int, check: Check) -> None:
        """Keep a verdict as long as this lasts."""
        self._checks[check.name] = check

    def checks(self, run_id: str, task: int) -> list[Check]:
        """Return the verdicts so far."""
        return list(self._checks.values())

    def write_note(self, run_id: str, task: int, name: str, value: Any) -> None:
        """Keep a value as long as this lasts."""
        self.told[name] = value

    def read_note(self, name: str) -> Any:
        """Return a value told here, or that the target's ledger holds."""
        return self.told.get(name) or (super().read_note(name) if self.exists() else None)

    def notes(self, run_id: str, task: int) -> dict[str, Any]:
        """Return everything that was told here."""
        return dict(self.told)
