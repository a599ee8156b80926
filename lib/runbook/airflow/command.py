"""A command of the runbook that answers in JSON."""

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException


def environment() -> dict[str, str]:
    """Return the environment variables of a command: ours, without those of Airflow, libpq and Python."""
    strangers = ("AIRFLOW", "_AIRFLOW", "PG", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(strangers)}


def call(how: Mapping[str, Any], *arguments: str) -> Any:
    """Run a command in the project and return what its JSON says.

    Raises:
        AirflowFailException: it failed, or said something else.
    """
    done = subprocess.run(
        [how["executable"], *arguments],
        cwd=how["project"],
        env=environment(),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise AirflowFailException(
            f"`runbook {' '.join(arguments)}` ended with exit code {done.returncode} and no JSON: {said}"
        ) from None
