"""The verdict: what a run came to, in a word and a sentence, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass

from runbook import formatting
from runbook.evidence.model import CheckEntry, Failure, Manifest
from runbook.plan import parameters
from runbook.report import gates
from runbook.report.fault_coverage import FaultCoverage
from runbook.report.gates import Gate, Mark
from runbook.report.timeline import Timeline

MOST_NAMES = 5  # of what others changed


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


def verdict_on(manifest: Manifest, found: Sequence[Gate], times: Timeline, coverage: FaultCoverage) -> Verdict:
    """Return the verdict on a run.

    A manifest's word is not taken for it: a complete run whose gates do not bear it out is said not to be proven.
    """
    status, where = manifest.status, f"--environment {manifest.environment}"
    remarks = (*_remarks(manifest, found, times), coverage.mark)
    if status == "complete":
        sentence, is_proven = _completion(manifest, found)
        mark = Mark("good", "✓", "Complete") if is_proven else Mark("bad", "✗", "Complete, but not proven")
        advice = "Keep this folder." if is_proven else "Find out why before anybody relies on it."
        back = f"To give everything back: `runbook rollback {where}`."
        return Verdict(mark, sentence, remarks, f"{advice} {_onward(manifest, where)}{back}")
    if status == "rolled_back":
        reversed_ = [gate.number for gate in found if gate.status == "rolled_back"]
        sentence = _outcome(manifest, "rolled_back")
        sentence += f"What {formatting.tasks(reversed_)} had changed was given back." if reversed_ else ""
        if left := _left_alone(manifest):
            names = ", ".join(left[:MOST_NAMES]) + (" and more" if len(left) > MOST_NAMES else "")
            sentence += f" Left as it is, changed by others since: {names}."
        mark = Mark("info", "↩", "Rolled back")
        again = f"runbook run {where}{parameters.as_options(manifest.parameters)}"
        return Verdict(mark, sentence, remarks, f"To migrate again: `{again}`.")
    if status == "finished" and manifest.final:
        kept, gone = len(manifest.final.archives), len(manifest.final.dropped)
        sentence = f"The rollback is closed. {formatting.amount(kept, 'table')} archived, "
        sentence += f"{formatting.amount(gone, 'object')} dropped."
        advice = f"Keep this folder. To take the runbook's own schema away: `runbook finish {where} --remove-ledger`."
        return Verdict(Mark("info", "■", "Final"), sentence, remarks, advice)
    if status == "failed" and manifest.failure is None and _differing(manifest):
        advice = f"Read what differs. If it is intended, keep it as expected: `runbook run {where} --keep-expected`."
        return Verdict(Mark("bad", "✗", "Failed"), _stop(manifest, found), remarks, advice)
    if status == "failed":
        return Verdict(Mark("bad", "✗", "Failed"), _stop(manifest, found), remarks, _advice(manifest.failure, where))
    sentence = f"The run ended without a verdict. {_where_tasks_stand(found)}"
    advice = f"Go on where it stopped: `runbook run {where} --resume`."
    return Verdict(Mark("warn", "!", "Unfinished"), sentence, remarks, advice)


def _onward(manifest: Manifest, where: str) -> str:
    """Return how to go on with the tasks that follow the last one a complete run was for; empty: none do."""
    last = max((task.number for task in manifest.tasks if task.status != "not_run"), default=-1)
    following = [task.number for task in manifest.tasks if task.number > last]
    if not following:
        return ""
    return f"To go on with Task {following[0]}: `runbook run {where}{parameters.as_options(manifest.parameters)}`. "


def _advice(failure: Failure | None, where: str) -> str:
    """Return what to do after a failure: its own words, where it has some, or the command it names."""
    said = failure.next.rstrip(". ") if failure else f"runbook run {where} --resume"
    back = "" if "rollback" in said else f" Or give everything back: `runbook rollback {where}`."
    if "`" in said.strip("`"):  # a sentence with commands in it
        return f"{said[0].upper()}{said[1:]}.{back}"
    return f"Mend the cause, then `{said.strip('`')}`.{back}"


def _completion(manifest: Manifest, found: Sequence[Gate]) -> tuple[str, bool]:
    """Return what the gates came to, and whether that bears out a complete run."""
    total = gates.count_decisions([task for task in manifest.tasks if task.status != "not_run"])
    ran = [gate for gate in found if gate.status != "not_run"]
    accepted = _accepted(manifest)
    opened = sum(gate.mark.tone == "good" for gate in ran)
    outcome = _outcome(
        manifest, "complete", [f"{formatting.amount(len(accepted), 'finding')} accepted"] * bool(accepted)
    )
    sentence = outcome + (
        f"{opened} of {len(ran)} gates open: {total['met']} of {total['criteria']} success criteria met, "
        f"{total['fired'] or 'none'} of {total['triggers']} rollback triggers fired, "
        f"{total['passed']} of {total['checks']} checks passed"
        + (f", {len(accepted)} of them because what they found was accepted." if accepted and not outcome else ".")
    )
    comparison = manifest.comparison
    is_open = opened == len(ran) and total["met"] == total["criteria"] and total["passed"] == total["checks"]
    is_quiet = not total["fired"] and not total["undecided"]
    return sentence, is_open and is_quiet and (comparison is None or comparison.passed)


def _outcome(manifest: Manifest, status: str, more: Sequence[str] = ()) -> str:
    """Say what the tasks of a status came to, in the plan's words; empty where it has none."""
    said = [task.outcome for task in manifest.tasks if task.status == status and task.outcome]
    return "; ".join([*said, *more]) + ". " if said else ""


def _differing(manifest: Manifest) -> bool:
    return manifest.comparison is not None and not manifest.comparison.passed


def _stop(manifest: Manifest, found: Sequence[Gate]) -> str:
    failure = manifest.failure
    if failure is None and _differing(manifest):
        return "Every gate opened, but the results are not the expected ones."
    stopped = next((gate for gate in found if failure and gate.number == failure.task), None)
    where = f"Stopped in Task {stopped.number} · {stopped.name}. " if stopped else ""
    return where + _where_tasks_stand(found)


def _accepted(manifest: Manifest) -> list[CheckEntry]:
    return [check for task in manifest.tasks for check in task.checks if check.accepted]


def _left_alone(manifest: Manifest) -> list[str]:
    """Return what others had changed, as the rollbacks noted it, each once."""
    notes = (note for task in manifest.tasks for note in task.notes.get("left as it is") or ())
    return list(dict.fromkeys(note["object"] for note in notes))


def _where_tasks_stand(found: Sequence[Gate]) -> str:
    """Say which tasks are done and which are not."""
    words = {status: gates.STATES[status].word for status in ("complete", "rolled_back", "running", "not_run")}
    parts = []
    for status, word in words.items():
        numbers = [gate.number for gate in found if gate.status == status]
        if numbers:
            parts.append(f"{formatting.tasks(numbers)} {'is' if len(numbers) == 1 else 'are'} {word}.")
    return " ".join(parts)


def _remarks(manifest: Manifest, found: Sequence[Gate], times: Timeline) -> tuple[Mark, ...]:
    beyond = f"beyond {formatting.share(times.limit)} a task escalates"
    remarks = [
        Mark("warn", "!", f"Task {row.number} took {row.share_text} of its estimate; {beyond}.")
        for row in times.rows
        if row.tone == "bad"
    ]
    remarks += [Mark("warn", "!", f"“{check.name}”: {check.accepted}.") for check in _accepted(manifest)]
    left_out = [gate.number for gate in found if gate.status == "not_run"]
    if manifest.status == "complete" and left_out:
        text = f"{formatting.tasks(left_out)} {'was' if len(left_out) == 1 else 'were'} not part of this run."
        remarks.append(Mark("warn", "!", text))
    comparison = manifest.comparison
    if comparison:
        differing = [one.notebook for one in comparison.notebooks if not one.passed]
        cells = sum(one.compared for one in comparison.notebooks)
        equal = f"The results equal the expected ones ({cells} cells compared, {comparison.mode})."
        different = f"The results differ from the expected ones in {', '.join(differing)}."
        remarks.append(Mark("bad", "✗", different) if differing else Mark("good", "✓", equal))
    return tuple(remarks)
