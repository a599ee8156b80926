"""The command line: one command per verb, each an import away so that none waits for another's libraries."""

import importlib
import os
import pkgutil
import shlex
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click
import psycopg

from runbook import priority
from runbook.database.failures import AGAIN, describe_failure, exit_code_of_failure
from runbook.errors import Interrupted, RunbookError

GIVEN = "runbook.given"  # the arguments of a call, in click's own store


class Group(click.Group):
    """Finds a verb in the module of its name, and turns the runbook's errors into one sentence and an exit code."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the verbs."""
        modules = (module.name for module in pkgutil.iter_modules(__path__))
        return sorted(name.replace("_", "-") for name in modules if name != "options")

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import a verb's module, and nothing of the others; None where there is no such verb."""
        if name not in self.list_commands(context):
            return None
        verb = name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{verb}"), verb)
        command.short_help = " ".join((command.help or "").split()).partition(". ")[0].removesuffix(".")  # click cuts
        return command

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Take the arguments of a call; what no database would take, if it is no file's name, is refused."""
        for place, told in enumerate(args, 1):
            if any("\ud800" <= sign <= "\udfff" for sign in told) and not Path(told).exists():
                raise click.UsageError(f"Argument {place} is no text in UTF-8.")
        context.meta[GIVEN] = tuple(args)
        return super().parse_args(context, args)

    def invoke(self, context: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            click.echo(f"runbook: It was interrupted: {AGAIN}.", err=True)
            raise click.exceptions.Exit(Interrupted.exit_code) from None
        except (RunbookError, psycopg.Error, OSError) as error:
            if isinstance(error, BrokenPipeError):  # whoever read our output has gone: click ends quietly
                raise
            click.echo(f"runbook: {describe_failure(error, _again(context.meta[GIVEN]))}", err=True)
            raise click.exceptions.Exit(exit_code_of_failure(error)) from None


def _again(given: tuple[str, ...]) -> str:
    """Return the command that goes on with a call which broke off."""
    if given[:1] == ("run",) and not {"--resume", "--ensure"} & {*given}:
        given = (*(one for one in given if one != "--fresh"), "--resume")
    return f"`{shlex.join(('runbook', *given))}`"


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="runbook")
def main() -> None:
    """Run a migration runbook: gated notebooks, verified and documented by their own evidence."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: a connection would get its number, and what is printed
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    priority.give_way()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(
                errors="replace", line_buffering=True
            )  # a terminal may know fewer letters: no reason to end a migration
