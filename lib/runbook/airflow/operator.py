"""One command of the runbook on one target, as an Airflow task: streamed, ended in order, its exit code understood."""

import json
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import BaseHook, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from runbook.airflow import address
from runbook.airflow.command import environment

TRY_AGAIN = 75  # sysexits.h's EX_TEMPFAIL: unreachable, connection lost, lock held
LEAVE_RESULTS = ("run", "preflight")
GRACE = 120  # seconds a command has to end in order, and sealed, after SIGTERM


class RunbookOperator(BaseOperator):  # type: ignore[misc]
    """Runs `runbook VERB … --environment FLEET/TARGET` in the environment the runbook is installed in.

    Exit code 0 is success. 75, and a command that a signal ended, may be tried again. Everything else is final: Airflow
    does not retry it.

    Args:
        project: the checkout with runbook.toml.
        executable: the `runbook` command of its own environment.
        fleet: a fleet of runbook.toml.
        target: one of its targets.
        verb: the command.
        arguments: what follows it.
        connection: id of the Airflow connection that holds the address, with `{target}` in it; empty: the
            runbook finds the address itself.
        by: who approved, for `approve`: what a `Question` returned.
        accepted: exit codes beside 0 that are an answer and no failure.
        accepted_kinds: kinds of failure in the result file that are none to the DAG, such as `NotApproved`.
    """

    template_fields: Sequence[str] = ("target", "by")
    ui_color = "#e8f0fe"

    def __init__(  # noqa: PLR0913 - a task is described by its arguments
        self,
        *,
        project: str,
        executable: str,
        fleet: str,
        target: str,
        verb: str,
        arguments: Iterable[str] = (),
        connection: str = "",
        by: dict[str, str] | None = None,
        accepted: Iterable[int] = (),
        accepted_kinds: Iterable[str] = (),
        **about: Any,
    ) -> None:
        super().__init__(**about)
        self.project, self.executable, self.fleet, self.target = project, executable, fleet, target
        self.verb, self.arguments, self.accepted = verb, list(arguments), list(accepted)
        self.accepted_kinds = list(accepted_kinds)
        self.connection, self.by = connection, by
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        """Run the command; return what it left in its result file, with its exit code."""
        with tempfile.TemporaryDirectory(prefix="runbook-") as folder:
            result = Path(folder) / "result.json"
            command = [self.executable, self.verb, *self.arguments, "--environment", f"{self.fleet}/{self.target}"]
            if self.verb in LEAVE_RESULTS:
                command += ["--result", str(result)]
            if self.by:
                statement = f"Approved in Airflow for {self.target}"
                command += ["--engine", "airflow", "--by", self.by["user"], "--statement", statement]
            code = self._stream(command)
            found = json.loads(result.read_text(encoding="utf-8")) if result.is_file() else {}
        return self._judge(code, {**found, "target": self.target, "exit_code": code})

    def on_kill(self) -> None:
        """End the command in order: it seals what it has before it goes."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _stream(self, command: list[str]) -> int:
        self._process = subprocess.Popen(
            command,
            cwd=self.project,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            bufsize=1,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.log.info("%s", line.rstrip())
        return self._process.wait()

    def _environment(self) -> dict[str, str]:
        """Return the environment variables of the command, with the target's address and without those of Airflow."""
        kept = environment()
        if self.connection:
            name = self.connection.format(target=self.target)
            found = BaseHook.get_connection(name)
            if beyond := address.left_out(found):
                self.log.info("Left out, as no address takes them: %s", ", ".join(beyond))
            try:
                kept[address.variable_of(self.fleet, self.target)] = address.url_of(found)
            except ValueError as error:
                raise AirflowFailException(f"{name}: {error}") from None
        return kept

    def _judge(self, code: int, found: dict[str, Any]) -> dict[str, Any]:
        if code == 0 or code in self.accepted or found.get("kind") in self.accepted_kinds:
            return found
        said = f"{self.fleet}/{self.target}: `runbook {self.verb}` ended with exit code {code}"
        said += f" in Task {found['task']}." if found.get("task") is not None else "."
        if why := found.get("failure"):
            said += f" {why}"
        if advice := found.get("next"):
            said += f" Next: {advice}"
        if code == TRY_AGAIN or code < 0:
            raise AirflowException(said)
        raise AirflowFailException(said)
