"""The DAG of a fleet: wave by wave, a human's go, approvals per target, mapped runs, and a report that fails.

A wave that failed starts no other one. The last task fails where a target is not complete: in Airflow a DAG is as green
as its leaves, and one that always runs would hide what came before it.
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, TaskGroup, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from runbook.airflow import question
from runbook.airflow.command import call
from runbook.airflow.operator import RunbookOperator
from runbook.airflow.question import Decision

AGAIN = {"retries": 20, "retry_delay": timedelta(seconds=30), "retry_exponential_backoff": True}
Row = Mapping[str, Any]


def fleet_dag(
    fleet: str,
    *,
    project: str | Path,
    executable: str = "runbook",
    waves: Sequence[int | None] = (1, 10, None),
    at_once: int = 4,
    failures: int = 0,
    connection: str = "",
    ask_again: timedelta = timedelta(minutes=30),
    **about: Any,
) -> DAG:
    """Return the DAG that brings every target of a fleet to complete.

    Args:
        fleet: a fleet of runbook.toml.
        project: the checkout with runbook.toml, the same path on every worker.
        executable: the `runbook` command of its own environment.
        waves: how many targets each wave takes, in the order of the inventory; None takes the rest.
        at_once: how many targets run at the same time.
        failures: how many targets of a wave may fail without stopping the next wave.
        connection: id of the Airflow connections that hold the addresses, with `{target}` in it; empty: the runbook
            finds them itself.
        ask_again: a question without an answer is asked anew after this time.
        about: whatever else `airflow.sdk.DAG` takes.

    Raises:
        ValueError: runbook.toml has no such fleet, or no wave takes the rest.
    """
    if not waves or waves[-1] is not None or None in waves[:-1]:
        raise ValueError("The last wave, and only that one, takes the rest: waves=(1, 10, None).")
    policy = _policy(Path(project), fleet)
    how = {"project": str(project), "executable": executable, "fleet": fleet}
    about = {"dag_id": f"runbook_{fleet}", "schedule": None, "catchup": False, "max_active_runs": 1, **about}
    with DAG(**about) as dag:
        rows = _inventory(how, list(waves))
        before: Any = rows
        for number in range(1, len(waves) + 1):
            wave = _Wave(number, how, policy, at_once, failures, connection, ask_again)
            before = wave.after(rows, before)
        before >> _report(how)
    return dag


def _policy(project: Path, fleet: str) -> Row:
    fleets = tomllib.loads((project / "runbook.toml").read_text(encoding="utf-8")).get("fleets", {})
    if fleet not in fleets:
        raise ValueError(f"runbook.toml has no fleet {fleet!r}; it has {', '.join(fleets) or 'none'}.")
    found: Row = fleets[fleet]
    return found


def _inventory(how: Row, sizes: list[int | None]) -> Any:
    @task(task_id="inventory", retries=3, retry_delay=timedelta(seconds=10))
    def inventory() -> list[list[str]]:
        """Read the targets anew for this run, and cut them into waves."""
        names = [row["target"] for row in call(how, "fleet", "targets", how["fleet"], "--json")]
        cut: list[list[str]] = []
        for size in sizes:
            cut.append(names[:size])
            names = [] if size is None else names[size:]
        return cut

    return inventory()


def _report(how: Row) -> Any:
    @task(task_id="report", trigger_rule=TriggerRule.ALL_DONE)
    def report() -> dict[str, Any]:
        """Write the fleet's page; fail where a target is not complete."""
        found: dict[str, Any] = call(how, "fleet", "report", how["fleet"], "--json")
        wrong = [row["target"] for row in found["targets"] if row["status"] != "complete"]
        if wrong:
            raise AirflowFailException(
                f"{len(wrong)} of {len(found['targets'])} targets are not complete: {', '.join(wrong)}."
            )
        return {"page": found["page"], "targets": len(found["targets"])}

    return report()


def _pull(task_id: str, count: int) -> list[dict[str, Any]]:
    """Return what the mapped tasks of a wave left, in the order of its targets; a failed one left nothing."""
    found = get_current_context()["ti"].xcom_pull(task_ids=task_id, map_indexes=list(range(count)))
    return [one for one in found if one is not None]


class _Wave:
    """The tasks of one wave."""

    def __init__(
        self,
        number: int,
        how: Row,
        policy: Row,
        at_once: int,
        failures: int,
        connection: str,
        ask_again: timedelta,
    ) -> None:
        self.number, self.how, self.failures = number, how, failures
        self.approvers = 0 if policy.get("approval", "required") == "automatic" else policy.get("approvers", 1)
        self.at_once, self.connection, self.ask_again = at_once, connection, ask_again

    def after(self, rows: Any, before: Any) -> Any:
        """Return the gate of this wave, which follows `before`."""
        place = self.number - 1
        with TaskGroup(group_id=f"wave_{self.number}"):

            @task(task_id="targets")
            def targets(cut: list[list[str]]) -> list[str]:
                return cut[place]

            names = targets(rows)
            before >> names
            preflights = self._each("preflight", "preflight", names, ["--json"], accepted=[1, 4], do_xcom_push=True)
            go = self._go(names, preflights)
            prepared = self._each("prepare", "run", names, ["--to", "0", "--ensure"], **AGAIN)
            go >> prepared
            ready = self._approvals(names, prepared) if self.approvers else prepared
            done = self._each("run", "run", names, ["--ensure"], **AGAIN)
            ready >> done
            return self._gate(names, done)

    def _each(self, task_id: str, verb: str, names: Any, arguments: list[str], **about: Any) -> Any:
        """Return a task for each target of the wave."""
        fixed = {**self.how, "verb": verb, "arguments": arguments, "connection_pattern": self.connection}
        return RunbookOperator.partial(
            task_id=task_id, max_active_tis_per_dagrun=self.at_once, **fixed, **about
        ).expand(target=names)

    def _go(self, names: Any, preflights: Any) -> Any:
        number, fleet = self.number, self.how["fleet"]

        @task(task_id="show", trigger_rule=TriggerRule.ALL_DONE)
        def show(targets: list[str]) -> str:
            return question.body(fleet, targets, _pull(f"wave_{number}.preflight", len(targets)))

        shown = show(names)
        preflights >> shown
        return Decision(
            task_id="go",
            subject=f"Wave {number} of {fleet}: go?",
            body=shown,
            wanted="Go",
            options=["Go", "Stop"],
            response_timeout=self.ask_again,
        )

    def _approvals(self, names: Any, prepared: Any) -> Any:
        """Ask as many people as the policy wants, for each target, and record what they said."""
        asked = []
        for place in range(1, self.approvers + 1):

            @task(task_id=f"ask_{place}", trigger_rule=TriggerRule.NONE_FAILED)
            def ask(targets: list[str]) -> list[dict[str, str]]:
                return [question.approval(self.how["fleet"], one) for one in targets]

            questions = ask(names)
            prepared >> questions
            answers = Decision.partial(
                task_id=f"approve_{place}",
                wanted="Approve",
                options=["Approve", "Reject"],
                response_timeout=self.ask_again,
            ).expand_kwargs(questions)
            asked.append(answers)

        number, count = self.number, self.approvers

        @task(task_id="who", trigger_rule=TriggerRule.ALL_SUCCESS)
        def who(targets: list[str]) -> list[dict[str, Any]]:
            said = [_pull(f"wave_{number}.approve_{place}", len(targets)) for place in range(1, count + 1)]
            return question.approvals(targets, said)

        decided = who(names)
        for answers in asked:
            answers >> decided
        fixed = {**self.how, "verb": "approve", "connection_pattern": self.connection}
        return RunbookOperator.partial(task_id="record", max_active_tis_per_dagrun=self.at_once, **fixed).expand_kwargs(
            decided
        )

    def _gate(self, names: Any, done: Any) -> Any:
        number, failures = self.number, self.failures

        @task(task_id="gate", trigger_rule=TriggerRule.ALL_DONE)
        def gate() -> list[str]:
            targets = get_current_context()["ti"].xcom_pull(task_ids=f"wave_{number}.targets")
            if targets is None:
                raise AirflowFailException(f"Wave {number} did not begin: an earlier one stopped.")
            complete = {one["target"] for one in _pull(f"wave_{number}.run", len(targets))}
            wrong = [name for name in targets if name not in complete]
            if len(wrong) > failures:
                raise AirflowFailException(
                    f"Wave {number}: {len(wrong)} of {len(targets)} targets are not complete ({', '.join(wrong)}); "
                    f"{failures} may fail. Mend them, clear their tasks, and the DAG goes on."
                )
            return wrong

        closed = gate()
        [names, done] >> closed
        return closed
