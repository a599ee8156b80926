"""The clock in the head of a notebook."""

from types import SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell

from runbook.notebook.task_clock import TaskClock
from runbook.query.table import Markup


@pytest.fixture
def shown(monkeypatch):
    """A shell, a clock in it that can be set, and what its head showed."""
    now, said = [100.0], []
    monkeypatch.setattr("runbook.notebook.task_clock.monotonic", lambda: now[0])
    shell = InteractiveShell()
    handle = SimpleNamespace(update=lambda markup: said.append(repr(markup)))
    clock = TaskClock(shell, handle, lambda words: Markup("", f"elapsed {words}"), 15)
    yield SimpleNamespace(shell=shell, clock=clock, now=now, said=said)
    clock.stop()


def test_after_every_cell_the_head_tells_how_long_it_has_been(shown):
    shown.now[0] += 4
    shown.shell.run_cell("1")
    shown.now[0] += 600
    shown.shell.run_cell("2")
    assert shown.said == ["elapsed 4.0 s of 15 min", "elapsed 10 min of 15 min"]


def test_it_stands_still_from_the_gate_on(shown):
    shown.now[0] += 4
    shown.clock.stop()
    shown.now[0] += 600
    shown.shell.run_cell("1")
    shown.clock.stop()
    assert shown.said == ["elapsed 4.0 s of 15 min"]
