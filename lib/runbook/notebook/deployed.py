"""What a task deploys outside the database: what stood there before is kept, and is deployed again in a rollback.

In a command `{folder}` stands for a folder of its own, and `{NAME}` for a parameter of the task.
"""

import os
import re
import shlex
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from runbook.errors import StepFailed
from runbook.notebook.context import Context

NOTE = "deployed before: {}"  # path below the folder → text of each file; none: nothing was there
ABSENT = re.compile(r"\b404\b|not found", re.IGNORECASE)
RUN = re.compile(r"^-- run: (.+)$", re.MULTILINE)
NEEDS = re.compile(r"^-- needs: (.+)$", re.MULTILINE)
Files = dict[str, str]


def keep(task: Context, name: str, command: list[str], skip: str = "") -> None:
    """Download what is deployed under a name, before it is replaced, and remember its files in the ledger.

    Args:
        task: the task that will replace it; what it has replaced itself is not taken for what was there before.
        name: of what is deployed.
        command: downloads it into `{folder}`.
        skip: why it cannot be done here; empty: it can.

    Raises:
        StepFailed: the command failed, and not because nothing is there.
    """
    line = shlex.join(command)
    if skip:
        print(f"Skipped, {skip}: {line}")
        return
    if not task.is_first and task.ledger.read_note(NOTE.format(name)) is not None:
        print(f"What was deployed as {name} before is kept already.")
        return
    with TemporaryDirectory() as folder:
        done = _run(task, [one.replace("{folder}", folder) for one in command])
        said = " ".join((done.stderr or done.stdout).split())
        if done.returncode and not ABSENT.search(said):
            raise StepFailed(f"{line} ended with exit code {done.returncode}, and nothing was replaced: {said}")
        files = {} if done.returncode else _files(Path(folder))
    task.write(NOTE.format(name), {"files": files})
    print(f"Kept what was deployed as {name}: {', '.join(files)}." if files else f"Nothing was deployed as {name}.")


def give_back(task: Context, name: str, text: str) -> None:
    """Deploy again what stood there before a task; where it cannot be done here, print the command.

    Args:
        task: the task that is being reversed.
        name: of what was deployed.
        text: a line `-- run: COMMAND`, and one `-- needs: NAMES` of the parameters and variables it needs.

    Raises:
        StepFailed: the command failed.
    """
    kept = task.ledger.read_note(NOTE.format(name))
    if kept is None:
        print(f"The task has replaced nothing that was deployed as {name}.")
        return
    if not kept["files"]:
        print(f"Nothing was deployed as {name} before: remove it there, once nobody calls it any more.")
        return
    folder = task.plan.outputs / task.environment.name / "deployed" / name
    _write(folder, kept["files"])
    needed = [one.strip() for found in NEEDS.findall(text) for one in found.split(",")]
    given: dict[str, Any] = {one: task.parameters.get(one) or os.environ.get(one, "") for one in needed}
    words = {**task.parameters, "folder": str(folder)}
    command = [one.format(**words) for found in RUN.findall(text) for one in shlex.split(found)]
    if missing := [one for one, value in given.items() if not value]:
        print(f"Not deployed, for no {' and '.join(missing)} was given. Its files are back in {folder}; by hand:")
        print(shlex.join(command))
        return
    done = _run(task, command)
    if done.returncode:
        raise StepFailed(
            f"{shlex.join(command)} ended with exit code {done.returncode}: {' '.join(done.stderr.split())}"
        )
    print(done.stdout.strip())


def _run(task: Context, command: list[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, cwd=task.plan.root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise StepFailed(f"{command[0]} is not installed here: install it and run this cell again.") from None


def _files(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _write(folder: Path, files: Files) -> None:
    for name, text in files.items():
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise StepFailed(f"The file {name} that was kept lies outside its folder: nothing was deployed.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
