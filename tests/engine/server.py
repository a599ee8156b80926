"""A whole Airflow on this machine: API server, scheduler and DAG processor on SQLite, tasks by the LocalExecutor."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.engine.answers import Answers, answer_to
from tests.engine.conftest import Home

PASSWORDS = {"ada": "a-secret-of-ada", "bob": "a-secret-of-bob"}
ENDED = {"success", "failed"}
LONGEST = 600  # seconds until something that never comes is called missing
BUSY, TRIES = 500, 30


class Airflow:
    """The servers, and what a person does with them.

    Attributes:
        home: of Airflow.
    """

    def __init__(self, home_folder: Path, python: Path, **settings: str) -> None:
        port = _free_port()
        self._url = f"http://127.0.0.1:{port}"
        self.home = Home(
            home_folder,
            python,
            AIRFLOW__CORE__EXECUTOR="LocalExecutor",
            AIRFLOW__CORE__PARALLELISM="4",
            AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="false",
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{self._url}/execution/",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=",".join(f"{name}:admin" for name in PASSWORDS),
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(home_folder / "passwords.json"),
            AIRFLOW__API__HOST="127.0.0.1",
            AIRFLOW__API__PORT=str(port),
            AIRFLOW__API__WORKERS="1",
            AIRFLOW__API_AUTH__JWT_SECRET=os.urandom(32).hex(),
            AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES="1",
            AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME="0.5",
            **settings,
        )
        (home_folder / "passwords.json").write_text(json.dumps(PASSWORDS))
        self._servers: list[subprocess.Popen[bytes]] = []
        self._tokens: dict[str, str] = {}

    def __enter__(self) -> Self:
        for name in ("api-server", "scheduler", "dag-processor"):
            with (self.home.folder / f"{name}.log").open("wb") as log:
                command = ["nice", "-n", "5", str(self.home.python), "-m", "airflow", name]
                self._servers.append(
                    subprocess.Popen(command, env=self.home.environment, stdout=log, stderr=log, start_new_session=True)
                )
        return self

    def __exit__(self, *error: object) -> None:
        for server in self._servers:
            server.terminate()
        for server in self._servers:
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()

    def start(self, name: str) -> str:
        """Start a run of a fleet's DAG as soon as Airflow knows it; return the run."""
        path = f"/api/v2/dags/runbook_{name}/dagRuns"
        started = self._until(lambda: self._ask("POST", path, {"logical_date": None}), f"no DAG of {name}")
        return f"{path}/{started['dag_run_id']}"

    def end_of(self, runs: Mapping[str, str], special: Answers) -> dict[str, str]:
        """Answer what is asked until each of the runs has ended; return its state, by the same names.

        Args:
            runs: as `start` returned them.
            special: unusual answers, by `TASK_ID[MAP_INDEX]` of a fleet: `FLEET:TASK_ID[MAP_INDEX]`.
        """
        deadline = time.monotonic() + LONGEST
        states = dict.fromkeys(runs, "")
        while set(states.values()) - ENDED:
            assert time.monotonic() < deadline, f"not ended: {states}, {[self.tasks(run) for run in runs.values()]}"
            for name, run in runs.items():
                own = {key.partition(":")[2]: said for key, said in special.items() if key.startswith(f"{name}:")}
                self._answer(run, own)
                states[name] = self._ask("GET", run)["state"]
            time.sleep(1)
        return states

    def reach(self, run: str, task: str) -> None:
        """Answer what is asked until a task of a run, `TASK_ID[MAP_INDEX]`, runs."""
        deadline = time.monotonic() + LONGEST
        while self.tasks(run).get(task) != "running":
            assert time.monotonic() < deadline, f"{task} never ran: {self.tasks(run)}"
            self._answer(run, {})
            time.sleep(0.5)

    def tasks(self, run: str) -> dict[str, str]:
        """Return the state of each task of a run, by `TASK_ID[MAP_INDEX]`."""
        return {f"{one['task_id']}[{one['map_index']}]": one["state"] for one in self._tasks(run)}

    def clear(self, run: str, dag: str) -> None:
        """Clear what failed in a run, as a person does when the cause is mended."""
        about = {"dry_run": False, "only_failed": True, "dag_run_id": run.rpartition("/")[2], "reset_dag_runs": True}
        self._ask("POST", f"/api/v2/dags/runbook_{dag}/clearTaskInstances", about)

    def fail(self, run: str, task_id: str, map_index: int) -> None:
        """Mark a task as failed, as a person does who wants it ended."""
        self._ask("PATCH", f"{run}/taskInstances/{task_id}/{map_index}", {"new_state": "failed"})

    def _tasks(self, run: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("GET", f"{run}/taskInstances?limit=200")["task_instances"]
        return found

    def _answer(self, run: str, special: Answers) -> None:
        for one in self._tasks(run):
            if one["state"] == "awaiting_input":
                user, option = answer_to(one["task_id"], one["map_index"], special)
                path = f"{run}/taskInstances/{one['task_id']}/{one['map_index']}/hitlDetails"
                self._ask("PATCH", path, {"chosen_options": [option], "params_input": {}}, user)

    def _until(self, ask: Any, otherwise: str) -> Any:
        deadline = time.monotonic() + LONGEST
        while time.monotonic() < deadline:
            try:
                return ask()
            except (urllib.error.URLError, ConnectionError):
                time.sleep(1)
        raise AssertionError(otherwise)

    def _ask(self, method: str, path: str, data: Any = None, user: str = "ada") -> Any:
        if user not in self._tokens and path != "/auth/token":
            login = {"username": user, "password": PASSWORDS[user]}
            self._tokens[user] = self._ask("POST", "/auth/token", login)["access_token"]
        head = {"content-type": "application/json"}
        if user in self._tokens:
            head["authorization"] = f"Bearer {self._tokens[user]}"
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self._url + path, method=method, data=body, headers=head)
        for left in reversed(range(TRIES)):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code < BUSY or not left:
                    raise
                time.sleep(1)  # its SQLite was locked: nothing was done
        return None


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
