"""The order of a notebook's cells, as a kernel sees it: skipped, repeated, added and reordered cells shut the gate."""

import json

import pytest
from IPython.core.interactiveshell import InteractiveShell

from runbook.errors import GateShut, NotApproved
from runbook.notebook.cell_order import CellOrder

BEGIN = "order.watch(get_ipython())  # runbook.begin(7)"
CELLS = ['label: str = "S"', "import json", BEGIN, "made = 1", "made += 1", "1 / (2 - made)", "order.require_all()"]


class Kernel:
    """Runs cells as a frontend has them run."""

    def __init__(self, folder, *, is_strict=False, before_change=lambda: None):
        path = folder / "task.ipynb"
        cells = [
            {"cell_type": "code", "source": source, "metadata": {"tags": ["apply"] if "made +=" in source else []}}
            for source in CELLS
        ]
        path.write_text(json.dumps({"cells": cells}))
        InteractiveShell.clear_instance()
        self.shell = InteractiveShell.instance()
        self.order = CellOrder(path, is_strict=is_strict, before_change=before_change)
        self.shell.user_ns["order"] = self.order

    def run(self, *sources):
        """Run cells; return what the last one raised."""
        for source in sources:
            result = self.shell.run_cell(source, store_history=True)
        return result.error_in_exec or result.error_before_exec


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    yield lambda **options: Kernel(tmp_path, **options)
    InteractiveShell.clear_instance()


def test_every_cell_in_order_once_opens_the_gate(kernel):
    cells = [cell for cell in CELLS if "1 /" not in cell]
    opened = kernel()
    opened.order.sources.remove("1 / (2 - made)")
    assert opened.run(*cells) is None


def test_all_cells_may_run_once_more_in_the_same_kernel_magics_too(kernel):
    magic = "%%time\nmade = 2"
    opened = kernel()
    opened.order.sources[5] = magic
    cells = [*CELLS[:5], magic, CELLS[6]]
    assert opened.run(*cells) is None
    opened.order.forget(opened.shell)
    again = opened.shell.user_ns["order"] = CellOrder(opened.order.notebook, is_strict=False, before_change=list)
    again.sources[5] = magic
    assert opened.run(*cells) is None


def test_what_is_odd_is_said_once_with_how_often(kernel):
    error = kernel().run(*CELLS[:5], *["made = 1"] * 3, *["made = 0"] * 2, *CELLS[5:])
    with pytest.raises(GateShut, match=r": a cell ran twice, 3 times; a cell ran that is not in it, 2 times[.] "):
        raise error


def test_papermills_own_cell_may_give_names_to_literals_and_no_more(kernel):
    good, bad = "# Parameters\nlabel = 'T'\n", "# Parameters\nlabel = 'T'\nmade = print('x')\n"
    for cell, odd in ((good, []), (bad, ["a cell ran that is not in it"])):
        opened = kernel()
        opened.run(CELLS[0], cell, *CELLS[1:3])
        assert opened.order.odd == odd


@pytest.mark.parametrize("left_out", range(2))
def test_a_cell_before_the_task_that_did_not_run_is_named(kernel, left_out):
    opened = kernel()
    opened.run(*[cell for place, cell in enumerate(CELLS[:3]) if place != left_out])
    assert opened.order.odd == [f"code cell {left_out + 1} (“{CELLS[left_out]}”) did not run"]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([*CELLS[:3], CELLS[4]], r"code cell 4 \(“made = 1”\) of task.ipynb did not run"),  # skip-execution
        ([*CELLS[:6], CELLS[6]], r"code cell 6 \(“1 / \(2 - made\)”\) of task.ipynb did not run, or did not end well"),
        ([*CELLS[:4], CELLS[6]], r"code cell 5 .* did not run"),
    ],
)
def test_a_cell_that_was_skipped_or_failed_is_not_passed_over(kernel, cells, said):
    error = kernel().run(*cells)
    assert isinstance(error, GateShut)
    with pytest.raises(GateShut, match=said):
        raise error


def test_a_cell_that_failed_may_be_run_again(kernel):
    opened = kernel()
    assert isinstance(opened.run(*CELLS[:6]), ZeroDivisionError)
    opened.shell.user_ns["made"] = 1
    assert opened.run(CELLS[5], CELLS[6]) is None


@pytest.mark.parametrize(
    ("more", "odd"), [("made = 1", "a cell ran twice"), ("made = 7", "a cell ran that is not in it")]
)
def test_a_cell_that_ran_twice_or_is_not_in_the_notebook_shuts_the_gate(kernel, more, odd):
    opened = kernel()
    opened.run(*CELLS[:4], more)
    opened.run(CELLS[4])
    opened.shell.user_ns["made"] = 1
    error = opened.run(CELLS[5], CELLS[6])
    assert isinstance(error, GateShut)
    assert odd in str(error)


def test_where_approval_is_required_another_cell_is_not_run_at_all(kernel):
    opened = kernel(is_strict=True)
    opened.run(*CELLS[:4])
    assert isinstance(opened.run("made = 7"), NotApproved)
    assert opened.shell.user_ns["made"] == 1


def test_before_the_first_change_all_is_looked_at_once_more(kernel):
    asked = []

    def refuse():
        asked.append(True)
        raise NotApproved("something has changed")

    opened = kernel(before_change=refuse)
    assert isinstance(opened.run(*CELLS[:5]), NotApproved)
    assert (asked, opened.shell.user_ns["made"]) == ([True], 1)
