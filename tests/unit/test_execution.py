"""What stands in a run's folder at every moment."""

import pytest
from papermill.iorw import papermill_io

from runbook.batch import execution
from runbook.evidence import manifest

UNWRITABLE = "half of it \udcff"  # no UTF-8: the writing breaks off


@pytest.mark.parametrize("write", [manifest.write_whole, lambda path, text: papermill_io.write(text, str(path))])
def test_a_notebook_stands_whole_though_its_writing_breaks_off(tmp_path, write):
    assert execution  # teaches papermill
    path = tmp_path / "00_plan.ipynb"
    write(path, "before")
    with pytest.raises(UnicodeEncodeError):
        write(path, UNWRITABLE)
    assert path.read_text() == "before"
