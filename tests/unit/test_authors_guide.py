"""The author's guide: its commands are carried out as they stand there, and what it quotes is the example's."""

import re
import shlex
import textwrap

import click
from click.testing import CliRunner
from tests.support.project import ROOT

from runbook.cli import main
from runbook.plan import cells, static_check
from runbook.plan.plan import Plan

GUIDE = (ROOT / "docs" / "how-to" / "author.md").read_text("utf-8")
EXAMPLE = ROOT / "examples" / "split-names"
CARRIED_OUT = {"new", "new-step", "check"}


def blocks(language: str) -> list[str]:
    """What the guide quotes in a language."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", GUIDE, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(text) for _, text in found]


def test_its_commands_lay_out_a_runbook_that_is_sound(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = []
    for line in "".join(blocks("sh")).splitlines():
        words = shlex.split(line)
        if words[0] == "cd":
            monkeypatch.chdir(words[1])
        elif words[0] == "runbook" and words[1] in CARRIED_OUT:
            done = CliRunner().invoke(main, words[1:])
            assert done.exit_code == 0, done.output
            seen.append(words[1])
    assert seen == ["new", "new-step", "new-step", "check"]
    plan = Plan.find()
    assert static_check.flaws(plan) == []
    assert [len(task.steps) for task in plan.tasks] == [2, 3, 1]


def test_its_other_commands_take_these_options():
    lines = [shlex.split(line) for text in blocks("sh") for line in text.splitlines()]
    others = [words[1:] for words in lines if words[0] == "runbook" and words[1] not in CARRIED_OUT]
    assert {words[0] for words in others} == {"run", "inject-faults"}
    for verb, *arguments in others:
        command = main.get_command(click.Context(main), verb)
        command.make_context(verb, list(arguments))


def test_what_it_quotes_is_the_example():
    sources = [cell.source for path in EXAMPLE.glob("notebooks/*.ipynb") for cell in cells.read_cells(path)]
    check, fault = blocks("sql")[:2]
    assert check.strip() in sources
    assert fault == (EXAMPLE / "sql" / "faults" / "01_last_name_is_lost.sql").read_text("utf-8")
    words = re.findall(r'"([^"]+)"', blocks("toml")[0])
    task = Plan.load(EXAMPLE / "runbook.toml").task(1)
    assert len(words) == 2 and set(words) <= {*task.criteria, *task.triggers}
