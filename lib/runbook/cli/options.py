"""What several verbs share: their options, and which run they are about."""

import io
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import click

from runbook.errors import UsageError
from runbook.plan.plan import Plan

ENVIRONMENT = click.option("--environment", "-e", default="local", show_default=True, help="An entry of runbook.toml.")
CONFIRM = click.option(
    "--confirm",
    default="",
    envvar="RUNBOOK_CONFIRM",
    metavar="DIGEST",
    help="On a protected environment: the digest that `runbook approve` printed.",
)
PARAMETERS = click.option(
    "--parameter", "-p", "given", nargs=2, multiple=True, metavar="NAME VALUE", help="A notebook's parameter."
)
BY = click.option("--by", "approver", required=True, help="Who decides.")
ENGINE = click.option(
    "--engine", default="", help="The engine that vouches for --by, such as airflow; the plan names it."
)
STATEMENT = click.option("--statement", required=True, help="What is decided, in their words.")


def given_values(plan: Plan, environment: str, given: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Return the parameters of a command: what the inventory of a fleet gives its target, then what was told.

    Raises:
        UsageError: the inventory cannot be read, or has no such target.
    """
    from runbook.plan import parameters

    return {
        **plan.parameters_of(environment),
        **parameters.parse_given(parameters.known_parameters(plan.tasks), given),
    }


class _Unheard(io.RawIOBase):
    """A stream on which nothing fails: what nobody can take any more is nobody's."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        while True:
            try:
                return os.write(self._number, content)
            except BlockingIOError:  # whoever shares the terminal may have set it so
                select.select([], [self._number], [])
            except OSError:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._number)
                os.close(nowhere)


def change_in_order() -> None:
    """Let a command that changes a target end in order by any signal, and go on where nobody hears what it says."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as it is with nohup
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__") and stream is not None:
            unheard = io.BufferedWriter(_Unheard(stream.fileno()))
            setattr(sys, name, io.TextIOWrapper(unheard, stream.encoding, "replace", line_buffering=True))


def run_folder(plan: Plan, folder: Path | None) -> Path:
    """Return the folder of a run, by default of the newest.

    Raises:
        UsageError: there is none.
    """
    from runbook.evidence import manifest

    found = folder or manifest.latest_run(plan)
    if found is None or not (found / manifest.MANIFEST).is_file():
        raise UsageError(
            f"There is no run in {found or plan.root / 'outputs'}: name the folder that holds a manifest.json."
        )
    return found
