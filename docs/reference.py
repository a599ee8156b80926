"""Writes what in docs follows from the code, pages and a schema: `python docs/reference.py [--check]`."""

import dataclasses
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from runbook import cli, errors
from runbook.notebook.magics import RunbookMagics
from runbook.plan import checklist, expectations, fleets, model, plan_file
from runbook.query import expectation

DOCS = Path(__file__).parent
MADE = "_Generated from the code by `make docs`. Change that, not this file._\n"
MAGICS = ("sql", "check", "finding", "backfill", "concurrently")
TABLES = {
    "The file": plan_file.PlanFile,
    "[runbook]": plan_file.Head,
    "[checklist]": checklist.Checklist,
    "An entry of quality_gates": checklist.QualityGate,
    "An entry of completion": checklist.Box,
    "[[tasks]]": model.Task,
    "An entry of steps": model.Step,
    "An entry of acceptable": model.Acceptable,
    "An entry of twins": model.Twin,
    "An entry of requires": model.Requirement,
    "outcome and undone": model.Outcome,
    "[environments.NAME]": model.Environment,
    "[environments.NAME.baseline]": model.Baseline,
    "[fleets.NAME]": fleets.Fleet,
}
ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*(?:\n {8,}.*)*)", re.MULTILINE)


def pages() -> dict[str, str]:
    """Return what is generated: file → content."""
    return {
        "reference/cli.md": "\n".join(_cli()),
        "reference/magics.md": "\n".join(_magics()),
        "reference/expectations.md": "\n".join(_expectations()),
        "reference/exit-codes.md": "\n".join(_exit_codes()),
        "reference/plan.md": "\n".join(_plan()),
        "runbook.schema.json": json.dumps(plan_file.json_schema(), indent=1),
    }


def _cli() -> Iterator[str]:
    yield f"# Command line\n\n{MADE}"
    context = click.Context(cli.main, info_name="runbook")
    for name in cli.main.list_commands(context):
        command = cli.main.get_command(context, name)
        assert command is not None
        yield from _command(command, context, name)
    yield "## Completion\n"
    yield '`eval "$(_RUNBOOK_COMPLETE=bash_source runbook)"` completes commands and options in bash; `zsh_source` and '
    yield "`fish_source` do the same for these shells.\n"


def _command(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            found = command.get_command(context, verb)
            assert found is not None
            yield from _command(found, context, verb)


def _magics() -> Iterator[str]:
    yield f"# Cell magics\n\n{MADE}"
    yield "`runbook.begin(N)` registers them. A cell is sent as it stands: nothing in it is expanded.\n"
    for name in MAGICS:
        if (found := getattr(RunbookMagics, name, None)) is not None:
            yield f"## %%{name}\n\n```text\n{inspect.getdoc(found)}\n```\n"


def _expectations() -> Iterator[str]:
    yield f"# Expectations\n\n{MADE}"
    yield "What stands behind the colon of a check.\n"
    yield from (f"- `{form.strip()}`" for form in expectations.GRAMMAR.split(" · "))
    yield f"\n```text\n{inspect.getdoc(expectation.Expectation.judge)}\n```\n"


def _exit_codes() -> Iterator[str]:
    yield f"# Exit codes\n\n{MADE}"
    yield "| code | error | means |\n| --- | --- | --- |\n| 0 | | all gates are open |"
    kinds = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, errors.RunbookError)]
    for one in sorted(kinds, key=lambda kind: (kind.exit_code, kind.__name__)):
        if one is not errors.RunbookError:
            first = (inspect.getdoc(one) or "").splitlines()[0]
            yield f"| {one.exit_code} | `{one.__name__}` | {first} |"
    yield "\n`runbook verify` has codes of its own: see its help.\n"


def _plan() -> Iterator[str]:
    yield f"# runbook.toml\n\n{MADE}"
    for title, kind in TABLES.items():
        yield f"## {title}\n\n| key | meaning |\n| --- | --- |"
        said = {name: " ".join(words.split()) for name, words in ATTRIBUTE.findall(inspect.getdoc(kind) or "")}
        yield from (f"| `{one.name}` | {said[one.name]} |" for one in dataclasses.fields(kind))
        yield ""


def main() -> int:
    """Write the pages; with `--check` only tell which are out of step."""
    found = {DOCS / name: content.rstrip() + "\n" for name, content in pages().items()}
    stale = [path for path, content in found.items() if not path.is_file() or path.read_text("utf-8") != content]
    for path in stale:
        print(f"{'out of step' if '--check' in sys.argv else 'written'}: {path.name}")
        if "--check" not in sys.argv:
            path.write_text(found[path], encoding="utf-8")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
