"""The real runbook on few organizations."""

import shutil

import pytest

from runbook.database import embedded
from runbook.plan.plan import Plan


@pytest.fixture
def small(project):
    """The project on fewer organizations: what matters is how often it runs."""
    plan = project / "runbook.toml"
    plan.write_text(plan.read_text().replace('"5000"', '"600"'))
    shutil.rmtree(project / "outputs" / "expected")  # what is expected there is said of the whole
    embedded.reset(project, Plan.load(plan).environment("local"))
    return project
