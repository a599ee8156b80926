"""A preflight of a target nobody has prepared: everything is asked, nothing blocks, and nothing is left behind."""

import pytest

from runbook.batch.preflight import READY, run_preflight
from tests.support.draw import CHEAP, Drawing, address_of
from tests.support.world import differences, observe

KINDS = {"adapted", "noted"}


@pytest.mark.parametrize("probes", [True, False])
def test_of_the_baseline_everything_is_asked_and_nothing_is_changed(drawing: Drawing, probes: bool) -> None:
    given = {"free_disk_gb": CHEAP["free_disk_gb"]}
    with drawing.databases.fresh() as database, address_of(database.owner):
        before = observe(database.superuser)
        found = run_preflight(drawing.plan, CHEAP["environment"], given, probes=probes)
        after = observe(database.superuser)
    assert {finding.kind for finding in found.findings} <= KINDS, [
        one for one in found.findings if one.kind not in KINDS
    ]
    assert found.exit_code == READY
    assert found.next == f"`runbook run --environment draw -p free_disk_gb {given['free_disk_gb']}`"
    assert differences(before, after) == []
    assert "CREATE SCHEMA runbook" not in after.schema
