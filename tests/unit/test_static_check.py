"""What `runbook check` says of a plan before anything runs: each flaw by name, and all of them at once."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.toy import NAME, TOY

from runbook.cli.check import check
from runbook.errors import UsageError
from runbook.plan import faults, static_check
from runbook.plan.plan import Plan

FAULT = (
    "-- task: 7\n-- check: no shelf is without a label\n-- trigger: A shelf without a label\n"
    "-- point: before the check\n-- reason: a label is lost\nUPDATE shelves SET label = NULL WHERE shelf = 7\n"
)
NOTEBOOK, FAULTS = f"notebooks/{NAME}", "sql/faults/07_label_lost.sql"
DECIDES = "-- criterion: Every shelf has a label\n-- trigger: A shelf without a label\n"
STOPPING = [
    (
        NOTEBOOK,
        "-- criterion: Every shelf has a label\n",
        "",
        "decides the success criterion 'Every shelf has a label'",
    ),
    (NOTEBOOK, "-- trigger: A shelf without a label\n", "", "decides the rollback trigger 'A shelf without a label'"),
    (NOTEBOOK, DECIDES, "", "the check 'no shelf is without a label' decides nothing"),
    (
        NOTEBOOK,
        "label: no rows",
        "label: no row at all",
        "the expectation 'no row at all' is not understood; write one",
    ),
    (NOTEBOOK, "label: no rows", "label: < few", "the expectation '< few' needs a number"),
    (NOTEBOOK, "a label: no rows", "a label", "write `%%check NAME: EXPECTATION`"),
    (
        NOTEBOOK,
        "ALTER TABLE shelves ADD",
        "-- untagged\nALTER TABLE shelves ADD",
        "cell 5 changes the target (ALTER TABLE",
    ),
    (
        NOTEBOOK,
        "SELECT room, COUNT(*)",
        "CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql RETURN 1; SELECT room, COUNT(*)",
        "cannot be made again in a read-only session",
    ),
    (NOTEBOOK, "runbook.begin(7)", "runbook.begin(8)", "begins Task 8, but runbook.toml gives it to Task 7"),
    (NOTEBOOK, "task = runbook.begin(7)", "pass", "never calls `runbook.begin(7)`"),
    (NOTEBOOK, "workers: int = 2", "workers: int = 0", "default of the parameter 'workers' must be from 1 to 64"),
    (NOTEBOOK, "workers: int = 2", "workers: int = two", "the parameter 'workers' has no literal default"),
    (NOTEBOOK, "workers: int = 2", "workers: int =", "the cell tagged 'parameters' is no Python"),
    (NOTEBOOK, "runbook", None, "07_label_the_shelves.ipynb is missing"),
    (NOTEBOOK, None, "[]", "is no notebook"),
]
SPARED = [
    (NOTEBOOK, "task.conclude()", "pass", "never calls `task.conclude()`"),
    (NOTEBOOK, "# 1..64; parallel", "# parallel", "parameter 'workers' says no range"),
    (NOTEBOOK, "## 7.1 ·", "## 7.2 ·", "has no heading `## 7.1 · …`"),
    (NOTEBOOK, "## 7.1 ·", "## 7.2 ·", "has a step 7.2, which Task 7 has not"),
    (
        "runbook.toml",
        "needs = []\n",
        'needs = []\nacceptable = [{ check = "x", key = ["y"] }]\n',
        "acceptable names the",
    ),
    ("runbook.toml", "needs = []\n", 'needs = []\ntwins = [{ check = "x", because = "y" }]\n', "twins names the check"),
    ("runbook.toml", "minutes = 1\n", 'minutes = 1\nfinish = "sql/no.sql"\n', "cannot be made final"),
    ("sql/library.sql", "x", None, "baseline of environment 'local' is missing"),
    (FAULTS, "x", None, "no file of sql/faults names the check 'no shelf is without a label'"),
    (FAULTS, "x", None, "no file of sql/faults fires the rollback trigger 'A shelf without a label'"),
    (FAULTS, "-- reason: a label is lost\n", "", "its head says no 'reason'"),
    (FAULTS, "task: 7", "task: seven", "its head names no task, but 'seven'"),
    (FAULTS, "task: 7", "task: 9", "there is no task 9"),
    (FAULTS, "a label\n-- trigger", "a name\n-- trigger", "names the check 'no shelf is without a name', which"),
    (FAULTS, "trigger: A shelf", "trigger: One shelf", "fires no trigger 'One shelf without a label'"),
    (FAULTS, "before the check", "after step 8.1", "the point 'after step 8.1' is not in the notebook"),
    ("sql/rollback/07_label_the_shelves.sql", "x", None, "Task 7 cannot be reversed"),
    (
        "sql/rollback/07_label_the_shelves.sql",
        None,
        "SELECT 1;\n-- %%sql\nSELECT 2",
        "SQL stands before the first part",
    ),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The toy, with nothing wrong in it."""
    copy = tmp_path / "toy"
    shutil.copytree(TOY, copy)
    (copy / FAULTS).parent.mkdir()
    (copy / FAULTS).write_text(FAULT)
    return copy


def alter(root: Path, name: str, old: str | None, new: str | None) -> None:
    """Replace a text in a file, or in the cells of a notebook; no old text: the whole; no new text: remove the file."""
    path = root / name
    if new is None:
        path.unlink()
    elif old is None:
        path.write_text(new)
    elif path.suffix == ".ipynb":
        notebook = json.loads(path.read_text())
        assert any(old in "".join(cell["source"]) for cell in notebook["cells"])
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"]).replace(old, new)
            if "-- untagged" in cell["source"]:
                cell["metadata"] = {}
        path.write_text(json.dumps(notebook))
    else:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))


def found(root: Path) -> list[static_check.Flaw]:
    return static_check.flaws(Plan.load(root / "runbook.toml"))


def test_nothing_is_wrong_with_what_is_whole(root, monkeypatch):
    assert found(root) == []
    monkeypatch.chdir(root / "notebooks")
    said = CliRunner().invoke(check)
    assert (said.exit_code, said.output) == (0, "Nothing is wrong: runbook.toml, 1 notebooks, 1 checks, 1 faults.\n")


@pytest.mark.parametrize(("name", "old", "new", "said"), STOPPING, ids=[words for *_, words in STOPPING])
def test_what_stops_a_run_is_named(root, name, old, new, said):
    alter(root, name, old, new)
    assert [flaw.stops for flaw in found(root) if said in flaw.what] == [True]
    plan = Plan.load(root / "runbook.toml")
    with pytest.raises(UsageError) as refused:
        static_check.require_sound(plan)
    assert said in str(refused.value)


@pytest.mark.parametrize(("name", "old", "new", "said"), SPARED, ids=[words for *_, words in SPARED])
def test_what_stops_no_run_is_named_as_well(root, name, old, new, said):
    alter(root, name, old, new)
    assert [flaw.stops for flaw in found(root) if said in flaw.what] == [False]
    assert static_check.require_sound(Plan.load(root / "runbook.toml"))


def test_everything_wrong_is_said_at_once(root, monkeypatch):
    wrong_default = (NOTEBOOK, 'prefix: str = "S"', 'prefix: int = "S"', "parameter 'prefix' must be of type int")
    several = [STOPPING[0], STOPPING[3], STOPPING[6], STOPPING[9], wrong_default, SPARED[0], SPARED[4], SPARED[8]]
    for name, old, new, _ in several:
        alter(root, name, old, new)
    monkeypatch.chdir(root)
    with pytest.raises(UsageError) as refused:
        check.main([], standalone_mode=False)
    assert refused.value.exit_code == 2
    lines = str(refused.value).splitlines()
    assert not [words for *_, words in several if not any(words in line for line in lines)]
    assert lines.index("This must be mended first:") < lines.index("This stops no run, but proves less than it should:")


def test_an_expectation_that_its_cell_decides_is_left_to_the_cell(root):
    call = 'task.check("a", 1, f"< {2} parsecs" if workers else f"= {workers}", criterion="Every shelf has a label")'
    alter(root, NOTEBOOK, "task.conclude()", f"{call}\ntask.conclude()")
    assert not [flaw for flaw in found(root) if flaw.stops]
    alter(root, NOTEBOOK, ' if workers else f"= {workers}"', "")
    assert not [flaw for flaw in found(root) if flaw.stops]
    alter(root, NOTEBOOK, "< {2} parsecs", "{2} parsecs")
    assert any("the expectation '… parsecs' is not understood" in flaw.what for flaw in found(root))


@pytest.mark.slow
def test_a_run_is_refused_before_it_asks_for_anything(root, runbook):
    alter(root, NOTEBOOK, "label: no rows", "label: no row at all")
    for command in (["run", "-p", "workers", "3"], ["preflight"], ["approve", "--by", "A", "--statement", "b"]):
        refused = runbook(root, *command)
        assert (refused.returncode, "'no row at all' is not understood" in refused.stderr) == (2, True), refused.stderr
    assert not (root / "outputs").exists()


def test_a_fault_is_placed_where_it_is_seeded(root):
    plan = Plan.load(root / "runbook.toml")
    assert faults.unproven(plan, plan.tasks) == []
