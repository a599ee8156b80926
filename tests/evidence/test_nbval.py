"""The expected results, executed again by plain nbval on a fresh database."""

import os
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_plain_nbval_passes_on_a_fresh_database(project):
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--nbval", "outputs/expected"],
        cwd=project,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    assert " passed" in result.stdout
