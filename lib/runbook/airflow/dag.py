"""The DAG of a fleet: wave by wave, a human's go, approvals per target, mapped runs, and a report that fails.

A wave that failed starts no other one. The last task fails where a target is not complete: in Airflow a DAG is as green
as its leaves, and one that always runs would hide what came before it.
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, TaskGroup, TriggerRule, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException

from runbook.airflow import question
from runbook.airflow.command import call
from runbook.airflow.operator import RunbookOperator
from runbook.airflow.question import Approval, Question

RETRIES = 20
AGAIN = {"retry_delay": timedelta(seconds=30), "retry_exponential_backoff": True, "max_retry_delay": timedelta(hours=1)}
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
        about: whatever else `airflow.sdk.DAG` takes; `default_args={"pool": …}` limits several DAGs together,
            `"retry_delay"` there says how long exit code 75 waits.

    Raises:
        ValueError: runbook.toml has no such fleet, or no wave takes the rest.
    """
    if not waves or waves[-1] is not None or None in waves[:-1]:
        raise ValueError("The last wave, and only that one, takes the rest: waves=(1, 10, None).")
    policy, first = _plan(Path(project), fleet)
    how = {"project": str(project), "executable": executable, "fleet": fleet, "connection": connection}
    about = {"dag_id": f"runbook_{fleet}", "schedule": None, "catchup": False, "max_active_runs": 1, **about}
    about["default_args"] = {**AGAIN, **about.get("default_args", {})}
    with DAG(**about) as dag:
        rows = _inventory(how, list(waves))
        before: Any = rows
        for number in range(1, len(waves) + 1):
            wave = _Wave(number, how, policy, first, at_once, failures, ask_again)
            before = wave.after(rows, before)
        before >> _report(how)
    return dag


def _plan(project: Path, fleet: str) -> tuple[Row, int]:
    """Return a fleet's policy, and the number of the plan's first task, which makes what people decide on."""
    found = tomllib.loads((project / "runbook.toml").read_text(encoding="utf-8"))
    fleets = found.get("fleets", {})
    if fleet not in fleets:
        raise ValueError(f"runbook.toml has no fleet {fleet!r}; it has {', '.join(fleets) or 'none'}.")
    return fleets[fleet], found["tasks"][0]["number"]


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
    """The tasks of one wave: what is shown, the go, each target's own chain, and the gate."""

    def __init__(
        self, number: int, how: Row, policy: Row, first: int, at_once: int, failures: int, ask_again: timedelta
    ) -> None:
        self.number, self.how, self.first, self.failures = number, how, first, failures
        self.approvers = 0 if policy.get("approval", "required") == "automatic" else policy.get("approvers", 1)
        self.at_once, self.ask_again = at_once, ask_again

    def after(self, cut: Any, before: Any) -> Any:
        """Return the gate of this wave, which follows `before`."""
        with TaskGroup(group_id=f"wave_{self.number}"):
            names = self._targets(cut)
            before >> names
            preflights = RunbookOperator.partial(
                task_id="preflight", verb="preflight", accepted=[1, 4], retries=3, **self._limited()
            ).expand(target=names)
            shown = self._show(names)
            preflights >> shown
            go = Question(
                task_id="go",
                wanted="Go",
                options=["Go", "Stop"],
                subject=f"Wave {self.number} of {self.how['fleet']}: go?",
                body=shown,
                response_timeout=self.ask_again,
            )
            done = self._chain().expand(target=names)
            go >> done
            return self._gate(names, done)

    def _targets(self, cut: Any) -> Any:
        place = self.number - 1

        @task(task_id="targets")
        def targets(cut: list[list[str]]) -> list[str]:
            return cut[place]

        return targets(cut)

    def _show(self, names: Any) -> Any:
        number, fleet = self.number, self.how["fleet"]

        @task(task_id="show", trigger_rule=TriggerRule.ALL_DONE)
        def show(targets: list[str]) -> str:
            return question.body(fleet, targets, _pull(f"wave_{number}.preflight", len(targets)))

        return show(names)

    def _chain(self) -> Any:
        """Return a group of tasks for one target: backup and dry run, what people say of them, the run."""

        @task_group(group_id="target")
        def chain(target: str) -> None:
            run = {"verb": "run", "target": target, "retries": RETRIES, **self._limited()}
            # It makes all that people decide on, and ends because they have not yet.
            last: Any = RunbookOperator(
                task_id="prepare",
                arguments=["--to", str(self.first), "--ensure"],
                accepted_kinds=["NotApproved"],
                **run,
            )
            asked: list[Any] = []
            for place in range(1, self.approvers + 1):
                answer = Approval(
                    task_id=f"approve_{place}",
                    fleet=self.how["fleet"],
                    target=target,
                    others=list(asked),
                    response_timeout=self.ask_again,
                )
                record = RunbookOperator(
                    task_id=f"record_{place}",
                    verb="approve",
                    target=target,
                    by=answer.output,
                    retries=RETRIES,
                    **self._limited(),
                )
                last >> answer >> record
                last = record
                asked.append(answer.output)
            last >> RunbookOperator(task_id="run", arguments=["--ensure"], **run)

        return chain

    def _limited(self) -> dict[str, Any]:
        return {**self.how, "max_active_tis_per_dagrun": self.at_once}

    def _gate(self, names: Any, done: Any) -> Any:
        number, failures = self.number, self.failures

        @task(task_id="gate", trigger_rule=TriggerRule.ALL_DONE)
        def gate() -> list[str]:
            targets = get_current_context()["ti"].xcom_pull(task_ids=f"wave_{number}.targets")
            if targets is None:
                raise AirflowFailException(f"Wave {number} did not begin: an earlier one stopped.")
            complete = {one["target"] for one in _pull(f"wave_{number}.target.run", len(targets))}
            wrong = [name for name in targets if name not in complete]
            if len(wrong) > failures:
                raise AirflowFailException(
                    f"Wave {number}: {len(wrong)} of {len(targets)} targets are not complete ({', '.join(wrong)}); "
                    f"{failures} may fail. Mend them and clear their tasks: the DAG goes on."
                )
            return wrong

        closed = gate()
        [names, done] >> closed
        return closed
