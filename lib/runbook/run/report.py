"""The report: one offline page that tells a manager whether a run went well, and a DBA why.

It is made from the run's folder alone, so it can be rebuilt at any time: manifest, journal, executed notebooks.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from runbook.errors import UsageError
from runbook.plan import Plan
from runbook.run import changes, evidence, gates, pages, timeline, wording
from runbook.run.gates import Gate, Mark

REPORT = "report.html"
EVERY_CELL = "cell"  # the journal's event for each cell: too fine for a report


@dataclass(frozen=True)
class Verdict:
    """What a run came to.

    Attributes:
        sentence: why, in one breath.
        remarks: what a reader must also know.
        next: what to do now; the command in it stands between backticks.
    """

    mark: Mark
    sentence: str
    remarks: tuple[Mark, ...]
    next: str


@dataclass(frozen=True)
class Files:
    """What a task left in the folder; empty names and no charts where it left nothing."""

    number: int
    name: str
    notebook: str
    page: str
    sha256: str
    charts: tuple[pages.Chart, ...]


def build(folder: Path, plan: Plan) -> Path:
    """Write the report of the run in `folder` and return the page.

    Args:
        folder: holds manifest.json, and events.jsonl and the executed notebooks as far as there are any.
        plan: lends what the manifest does not say, such as when a task escalates.

    Raises:
        UsageError: the folder holds no manifest, or a broken one.
    """
    manifest = _manifest(folder)
    tasks = manifest["tasks"]
    found = [gates.of(task) for task in tasks]
    files = [_files(folder, task) for task in tasks]
    times = timeline.of(tasks, manifest["finished_at"], plan.escalate_at)
    page = folder / REPORT
    page.write_text(
        _template().render(
            run=manifest,
            verdict=_verdict(manifest, found, times),
            facts=_facts(manifest, times),
            failed=_failed(manifest, found, files),
            timeline=times,
            gates=[gate for gate in found if gate.decided or gate.status in {"complete", "failed", "running"}],
            marks=gates.STATES,
            changes=changes.of(tasks, skip=("approval",)),
            files=files,
            comparison=manifest["comparison"],
            journal=_journal(folder / evidence.JOURNAL),
            names=(evidence.MANIFEST, evidence.JOURNAL),
        ),
        encoding="utf-8",
    )
    return page


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        return evidence.read(folder)
    except FileNotFoundError:
        raise UsageError(f"{folder} holds no {evidence.MANIFEST}: name the folder of a run.") from None
    except ValueError as error:
        raise UsageError(f"{folder / evidence.MANIFEST} is not valid JSON: {error}.") from None


def _journal(path: Path) -> list[dict[str, Any]]:
    """Return the run's events; a line cut short by a crash is left out."""
    events = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("event") != EVERY_CELL:
            events.append(event)
    return events


def _files(folder: Path, task: dict[str, Any]) -> Files:
    name = task["notebook"] or ""
    notebook = folder / name
    if not name or not notebook.is_file():
        return Files(task["number"], task["name"], "", "", task["sha256"] or "", ())
    page = notebook.with_suffix(".html")
    return Files(
        number=task["number"],
        name=task["name"],
        notebook=name,
        page=page.name if page.is_file() else "",
        sha256=task["sha256"] or "",
        charts=tuple(pages.charts(notebook)),
    )


def _verdict(manifest: dict[str, Any], found: Sequence[Gate], times: timeline.Timeline) -> Verdict:
    status, where = manifest["status"], f"--environment {manifest['environment']}"
    remarks = _remarks(manifest, found, times)
    if status == "complete":
        sentence, is_proven = _completion(manifest, found)
        mark = Mark("good", "✓", "Complete") if is_proven else Mark("bad", "✗", "Complete, but not proven")
        advice = "Keep this folder." if is_proven else "Find out why before anybody relies on it."
        return Verdict(mark, sentence, remarks, f"{advice} To give everything back: `runbook rollback {where}`.")
    if status == "rolled_back":
        reversed_ = [gate.number for gate in found if gate.status == "rolled_back"]
        sentence = f"What {wording.tasks(reversed_)} had changed was given back." if reversed_ else ""
        mark = Mark("info", "↩", "Rolled back")
        return Verdict(mark, sentence, remarks, f"To migrate again: `runbook run {where}`.")
    if status == "failed":
        failure = manifest["failure"]
        command = failure["next"] if failure else f"runbook run {where} --resume"
        back = "" if "rollback" in command else f" Or give everything back: `runbook rollback {where}`."
        return Verdict(
            Mark("bad", "✗", "Failed"), _stop(manifest, found), remarks, f"Mend the cause, then `{command}`.{back}"
        )
    sentence = f"The run ended without a verdict. {_standing(found)}"
    return Verdict(Mark("warn", "!", "Unfinished"), sentence, remarks, f"Go on where it stopped: `runbook run {where} --resume`.")


def _completion(manifest: dict[str, Any], found: Sequence[Gate]) -> tuple[str, bool]:
    """Return what the gates came to, and whether that bears out a complete run."""
    total = gates.count([task for task in manifest["tasks"] if task["status"] != "not_run"])
    ran = [gate for gate in found if gate.status != "not_run"]
    opened = sum(gate.mark.tone == "good" for gate in ran)
    sentence = (
        f"{opened} of {len(ran)} gates open: {total['met']} of {total['criteria']} success criteria met, "
        f"{total['fired'] or 'none'} of {total['triggers']} rollback triggers fired, "
        f"{total['passed']} of {total['checks']} checks passed."
    )
    comparison = manifest["comparison"]
    is_open = opened == len(ran) and total["met"] == total["criteria"] and total["passed"] == total["checks"]
    is_quiet = not total["fired"] and not total["undecided"]
    return sentence, is_open and is_quiet and (comparison is None or comparison["passed"])


def _stop(manifest: dict[str, Any], found: Sequence[Gate]) -> str:
    failure, comparison = manifest["failure"], manifest["comparison"]
    if failure is None and comparison and not comparison["passed"]:
        return "Every gate opened, but the results are not the expected ones."
    stopped = next((gate for gate in found if failure and gate.number == failure["task"]), None)
    where = f"Stopped in Task {stopped.number} · {stopped.name}. " if stopped else ""
    return where + _standing(found)


def _standing(found: Sequence[Gate]) -> str:
    """Say which tasks are done and which are not."""
    words = {"complete": "complete", "rolled_back": "rolled back", "not_run": "not run"}
    parts = []
    for status, word in words.items():
        numbers = [gate.number for gate in found if gate.status == status]
        if numbers:
            parts.append(f"{wording.tasks(numbers)} {'is' if len(numbers) == 1 else 'are'} {word}.")
    return " ".join(parts)


def _remarks(manifest: dict[str, Any], found: Sequence[Gate], times: timeline.Timeline) -> tuple[Mark, ...]:
    beyond = f"beyond {wording.share(times.limit)} a task escalates"
    remarks = [
        Mark("warn", "!", f"Task {row.number} took {row.share_text} of its estimate; {beyond}.")
        for row in times.rows
        if row.tone == "bad"
    ]
    left_out = [gate.number for gate in found if gate.status == "not_run"]
    if manifest["status"] == "complete" and left_out:
        text = f"{wording.tasks(left_out)} {'was' if len(left_out) == 1 else 'were'} not part of this run."
        remarks.append(Mark("warn", "!", text))
    comparison = manifest["comparison"]
    if comparison:
        differing = [one["notebook"] for one in comparison["notebooks"] if not one["passed"]]
        cells = sum(one["compared"] for one in comparison["notebooks"])
        remarks.append(
            Mark("bad", "✗", f"The results differ from the expected ones in {', '.join(differing)}.")
            if differing
            else Mark("good", "✓", f"The results equal the expected ones ({cells} cells compared, {comparison['mode']}).")
        )
    return tuple(remarks)


def _facts(manifest: dict[str, Any], times: timeline.Timeline) -> list[tuple[str, str]]:
    server, approval = manifest["server"] or {}, manifest["approval"]
    version, elapsed = str(server.get("version", "")), wording.seconds_between(manifest["started_at"], manifest["finished_at"])
    target = f"PostgreSQL {version.removeprefix('PostgreSQL ')}, database {server.get('database', '–')}, as {server.get('user', '–')}"
    return [
        ("Run", manifest["run_id"]),
        ("Operator", manifest["operator"]),
        ("Approved by", approval["approver"] if approval else "nobody on record"),
        ("Started", wording.moment(manifest["started_at"])),
        ("Finished", wording.moment(manifest["finished_at"])),
        ("Duration", wording.duration(elapsed) + (f", estimated: {times.estimate}" if times.estimate != "–" else "")),
        ("Target", f"{target}, {wording.size(server.get('size_bytes'))}" if server else "–"),
    ]


def _failed(manifest: dict[str, Any], found: Sequence[Gate], files: Sequence[Files]) -> dict[str, Any] | None:
    """Return what stopped the run: the failure, its task's failed checks, and where to see it."""
    failure = manifest["failure"]
    if failure is None:
        return None
    gate = next((gate for gate in found if gate.number == failure["task"]), None)
    left = next((one for one in files if one.number == failure["task"]), None)
    return {**failure, "gate": gate, "checks": gate.failed if gate else (), "page": left.page if left else ""}


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pages.TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    for word in (wording.moment, wording.duration, wording.size, wording.value, wording.amount, wording.share, wording.signed):
        environment.filters[word.__name__] = word
    return environment.get_template("report.html.j2")
