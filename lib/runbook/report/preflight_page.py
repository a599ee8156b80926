"""What a preflight found, on a terminal and as a page; and all statements of the migration in one text."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console

from runbook.formatting import amount
from runbook.plan import cells, parameters
from runbook.plan.finding import CLASSES
from runbook.plan.plan import Plan, Task
from runbook.policy.approval_required import ADVICE
from runbook.query.send import as_setting

STYLES = dict(zip(CLASSES, ("bold red", "yellow", "cyan", "dim"), strict=True))
REMEDY = "what_to_do"
MOST = 5  # rows of a finding on a terminal
READ = re.compile(r"current_setting\('runbook\.(\w+)'\)")
STYLE = Path(__file__).parent / "templates" / "style.css"
INKS = dict(zip(CLASSES, ("bad-ink", "warn-ink"), strict=False))  # of the first two classes
HEAD = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
)


def show(plan: Plan, found: Mapping[str, Any], console: Console) -> None:
    """Print what a preflight found, the gravest first, then what a run would do and the next command."""

    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    for kind, findings in groupby(found["findings"], key=lambda one: one["kind"]):
        every = list(findings)
        say(f"{kind} ({len(every)})", STYLES[kind])
        for line in (line for one in every for line in _finding(one)):
            say(line)
    if not found["findings"]:
        say("Nothing was found that speaks against a run.", "green")
    say("\nA run would change")
    for line in [*_changes(plan), *_outlook(found)]:
        say(f"  {line}")
    if found["approval_lacking"]:
        say(f"\nApproval lacking: {_why(found)}", "yellow")
    say(f"\nNext: {found['next']}", "bold")


def _finding(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"  Task {one['task']} · “{one['check']}”: {one['what']}"
    if one["rows"] and one["names"]:
        yield "      " + " · ".join(name for name in one["names"] if name != REMEDY)
    for row in one["rows"][:MOST]:
        yield "      " + " · ".join(_values(one["names"], row))
    if one["count"] > MOST:
        yield f"      … {one['count'] - MOST:,} more"
    if one["remedy"] and REMEDY not in one["names"]:  # else each row has told its own
        yield f"      → {one['remedy']}"


def _outlook(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a run will meet: its estimates, its parameters, what it alone asks."""
    for row in found["estimates"]:
        yield " · ".join(str(value) for value in row.values())
    for number, values in found["parameters"].items():
        if values:
            yield f"parameters of Task {number}: " + ", ".join(f"{name} = {value!r}" for name, value in values.items())
    yield from (f"not asked yet: {one}" for one in found["to_come"])


def _why(found: Mapping[str, Any]) -> str:
    """Return why it is not approved; the command stands at the end, acceptances included."""
    why: str = found["approval_lacking"]
    return why.partition(f" {ADVICE}")[0]


def as_sql(plan: Plan, given: Mapping[str, Any]) -> str:
    """Return the statements of every `apply` cell, in order, with parameters filled in."""
    return "\n".join(line for task in plan.tasks for line in _statements(task, given))


def as_html(plan: Plan, found: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Return one offline page: the findings, and every statement of the migration."""
    parts = [f"<h1>{escape(plan.title)}: preflight of {escape(found['environment'])}</h1>"]
    parts += ["<h2>Findings</h2>"] if found["findings"] else []
    for one in found["findings"]:
        ink = INKS.get(one["kind"], "")
        parts.append(f'<h3 class="{ink}">{escape(one["kind"])} · Task {one["task"]} · {escape(one["check"])}</h3>')
        parts.append(f"<p>{escape(one['what'])}</p>")
        if one["rows"]:
            head = "".join(f"<th>{escape(name)}</th>" for name in one["names"])
            body = "".join(
                "<tr>" + "".join(f"<td>{escape(value or '–')}</td>" for value in row) + "</tr>" for row in one["rows"]
            )
            table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            parts.append(f'<div class="scroll" tabindex="0">{table}</div>')
        if one["remedy"] and REMEDY not in one["names"]:
            parts.append(f"<p>→ {escape(one['remedy'])}</p>")
    parts.append("<h2>What a run would do</h2><ul>" + "".join(f"<li>{escape(one)}</li>" for one in _changes(plan)))
    parts += [f"<li>{escape(' · '.join(map(str, row.values())))}</li>" for row in found["estimates"]]
    parts += [f"<li>not asked yet: {escape(one)}</li>" for one in found["to_come"]]
    lacking = f"<p>Approval lacking: {escape(_why(found))}</p>" if found["approval_lacking"] else ""
    parts.append(f"</ul>{lacking}<p><b>Next: {escape(found['next'])}</b></p>")
    parts.append(f"<h2>Every statement of the migration</h2><pre>{escape(as_sql(plan, given))}</pre>")
    title = f"<title>Preflight of {escape(found['environment'])}</title>"
    return f"{HEAD}{title}<style>{STYLE.read_text('utf-8')}</style><main>{''.join(parts)}</main></html>"


def _values(names: list[str], row: list[Any]) -> list[str]:
    """Return a row's values, what helps behind an arrow."""
    if not names:
        return [value or "–" for value in row]
    return [f"→ {value}" if name == REMEDY and value else value or "–" for name, value in zip(names, row, strict=True)]


def _changes(plan: Plan) -> Iterator[str]:
    for task in plan.tasks:
        every = [cell for cell in cells.read_cells(task.notebook) if "apply" in cell.tags]
        if every:
            steps = ", ".join(dict.fromkeys(cell.step for cell in every))
            yield f"Task {task.number} · {task.name}: {amount(len(every), 'cell')} (steps {steps}), {task.minutes} min"


def _statements(task: Task, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield the statements of a task's apply cells, each under its step."""
    declared: dict[str, Any] = {}
    for cell in cells.read_cells(task.notebook):
        if "parameters" in cell.tags:
            declared |= {name: one.default for name, one in parameters.declarations(cell.source).items()}
    values = {name: given.get(name, default) for name, default in declared.items()}
    for cell in cells.read_cells(task.notebook):
        if "apply" in cell.tags:
            yield f"-- Task {task.number}, step {cell.step}"
            yield f"{_filled_in(cell.body, values) if cell.magic else _commented(cell.source)}\n"


def _filled_in(text: str, values: Mapping[str, Any]) -> str:
    """Return SQL with the parameters in force in place of the settings it reads."""

    def literal(found: re.Match[str]) -> str:
        if found[1] not in values:
            return found[0]
        return "'" + as_setting(values[found[1]]).replace("'", "''") + "'"

    return READ.sub(literal, text)


def _commented(source: str) -> str:
    return "\n".join(f"-- {line}" for line in source.splitlines())
