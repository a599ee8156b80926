"""`runbook new` and `runbook new-step`: what they lay out is sound, and what cannot be laid out is refused."""

import json
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from tests.support.project import ROOT

from runbook.authoring import plan_text, template
from runbook.authoring.add_step import add_step
from runbook.authoring.new import lay_out
from runbook.authoring.step import NewStep
from runbook.cli import main
from runbook.errors import UsageError
from runbook.plan import cells, faults, static_check
from runbook.plan.plan import Plan


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A runbook that was just laid out, with two tasks beside the one that prepares."""
    return lay_out(tmp_path, "demo", ("Split the names", "Drop the old"))


def plan_of(root: Path) -> Plan:
    return Plan.load(root / "runbook.toml")


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "tasks", [(), ("Split the names",), ("Order", "Naïve", "Ю", "2nd · with: colons {and} braces")]
)
def test_what_is_laid_out_is_sound(tmp_path, tasks):
    plan = plan_of(lay_out(tmp_path, "split-names", tasks))
    assert static_check.flaws(plan) == []
    assert [task.name for task in plan.tasks] == ["Prepare", *(tasks or ("Label the shelves",))]
    assert plan.environment("local").database == "split_names"


def test_the_same_is_laid_out_every_time(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert files(lay_out(tmp_path / "a", "demo")) == files(lay_out(tmp_path / "b", "demo"))


def test_pip_and_conda_get_the_same_environment(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    *plain, by_pip = yaml.safe_load((root / "environment.yml").read_text())["dependencies"]
    assert {*plain, *by_pip["pip"]} - {"pip"} == {f"python{project['requires-python']}", *project["dependencies"]}
    assert yaml.safe_load((root / ".github/workflows/runbook.yml").read_text())["jobs"]


def test_the_templates_travel_in_the_package():
    assert {path.suffix for path in template.FOLDER.iterdir()} == {".j2"}
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["runbook"]
    assert "**/*.j2" in patterns


@pytest.mark.parametrize(
    "name",
    [
        "../demo",
        "/demo",
        "a/b",
        "..",
        "",
        "Demo",
        "a b",
        "a_b",
        "-a",
        "a-",
        "a--b",
        "1a",
        "ä",
        "a\n",
        "a" * 41,
        "postgres",
    ],
)
def test_a_name_that_cannot_be_a_folder_a_database_and_a_package_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(main, ["new", "--", name])
    assert refused.exit_code == 2
    assert repr(name) in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "file", "broken link"])
def test_what_stands_there_already_is_left_alone(tmp_path, kind):
    path = tmp_path / "demo"
    {"folder": path.mkdir, "file": path.touch, "broken link": lambda: path.symlink_to("nowhere")}[kind]()
    with pytest.raises(UsageError, match="demo is there already: give the runbook another name"):
        lay_out(tmp_path, "demo")
    assert list(tmp_path.iterdir()) == [path]
    assert not path.is_dir() or list(path.iterdir()) == []


@pytest.mark.parametrize(("tasks", "said"), [(("a", "a"), "both be called 'a'"), (('a"',), "no name for a step")])
def test_tasks_that_cannot_be_named_so_are_refused(tmp_path, tasks, said):
    with pytest.raises(UsageError, match=said):
        lay_out(tmp_path, "demo", tasks)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("task", "name", "table", "column"),
    [
        (0, "Is the name free", "", ""),
        (1, "Add the room", "shelves", "room_number"),
        (1, "Order", "", ""),
        (2, "Ünïcode · with: colons", "private.shelves", "label"),
        (2, "Ю", "", ""),
    ],
)
def test_a_step_brings_its_cells_its_words_in_the_plan_and_its_fault(root, task, name, table, column):
    before = plan_of(root)
    step = add_step(before, task, name, table, column)
    plan = plan_of(root)
    assert static_check.flaws(plan) == []
    assert [(one.number, one.name) for one in plan.task(task).steps][-1] == (step.number, name)
    assert len(plan.task(task).criteria) == len(before.task(task).criteria) + 1
    found = cells.read_cells(plan.task(task).notebook)
    assert [cell.source for cell in found[-2:]] == ["## Gate", "task.conclude()"]
    assert {cell.step for cell in found[-3:-2]} == {step.number}
    assert step.file in {fault.name for fault in faults.read_faults(plan)}
    assert ("apply" in {tag for cell in found for tag in cell.tags}) is (task > 0)


def test_steps_are_counted_on(root):
    numbers = [add_step(plan_of(root), 1, name).number for name in ("Second", "Third")]
    assert numbers == ["1.2", "1.3"]
    notebook = json.loads(plan_of(root).task(1).notebook.read_text())
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("task", "name", "table", "column", "said"),
    [
        (9, "x", "", "", "no task 9"),
        (1, "Split the names", "", "", "has a step 'Split the names' already"),
        (1, "../x", "", "", "no name for a step"),
        (1, "a\nb", "", "", "no name for a step"),
        (1, "x", "", "label", "Which table gets the column 'label'"),
        (1, "x", "shelves", "", "Which column does 'shelves' get"),
        (1, "x", "shelves; DROP", "label", "no name of a table"),
        (1, "x", "shelves", "Label", "no name of a column"),
    ],
)
def test_a_step_that_cannot_be_added_leaves_everything_as_it_was(root, task, name, table, column, said):
    before = files(root)
    with pytest.raises(UsageError, match=said):
        add_step(plan_of(root), task, name, table, column)
    assert files(root) == before


def test_a_step_whose_words_stand_in_the_plan_already_leaves_everything_as_it_was(root):
    add_step(plan_of(root), 1, "Add the label", "shelves", "label")
    before = files(root)
    with pytest.raises(UsageError, match=r"The step was not added.*names 'Every row of shelves has its label' twice"):
        add_step(plan_of(root), 1, "Add it again", "shelves", "label")
    assert files(root) == before


def test_nothing_is_added_to_a_task_that_is_not_sound(root):
    notebook = plan_of(root).task(1).notebook
    notebook.write_text(notebook.read_text().replace("stands: all true", "stands: truly"))
    before = files(root)
    with pytest.raises(UsageError, match="'truly' is not understood"):
        add_step(plan_of(root), 1, "Second")
    assert files(root) == before


@pytest.mark.parametrize(
    ("array", "after"),
    [
        ("[]", "['new']"),
        ('["a"]', "['a', 'new']"),
        ('["a", ]', "['a', 'new']"),
        ('[\n    "a",\n]', "['a', 'new']"),
        ('[\n    "a" # the ] last\n]', "['a', 'new']"),
        ("[ # one\n    \"a, ]#\", 'b]', # two\n    # three ]\n]", "['a, ]#', 'b]', 'new']"),
        ('[\n    { a = ["]"] },\n]', "[{'a': [']']}, 'new']"),
        ('[\n    "a \\" ]", "c"]', "['a \" ]', 'c', 'new']"),
    ],
)
def test_an_item_is_appended_to_an_array_however_it_is_written(array, after):
    head = "# [[tasks]] of others\n[[tasks]]\nnumber = 1\nsteps = [1]\n[[tasks]]\nnumber = 12 # ours\n"
    text = f"{head}steps = {array}\n[other]\nsteps = [2]\n"
    changed = plan_text.append(text, 12, "steps", '"new"')
    found = tomllib.loads(changed)
    assert (repr(found["tasks"][1]["steps"]), found["tasks"][0]["steps"], found["other"]) == (
        after,
        [1],
        {"steps": [2]},
    )
    assert changed.startswith(head)
    assert {line.partition("#")[2] for line in text.splitlines()} <= {
        line.partition("#")[2] for line in changed.splitlines()
    }


def test_a_plan_that_writes_its_tasks_otherwise_is_left_to_its_author():
    with pytest.raises(UsageError, match="by hand"):
        plan_text.append("tasks = [{ number = 1 }]\n", 1, "steps", "1")
    with pytest.raises(UsageError, match="no array 'triggers'"):
        plan_text.append("[[tasks]]\nnumber = 1\n", 1, "triggers", "1")


def test_a_name_that_has_no_latin_letter_gets_its_number():
    assert NewStep.named("3.2", "Ю").words["table"] == "new_3_2"
    assert NewStep.named("3.2", "Ю").file == "03_3_2"


@pytest.mark.parametrize(("table", "is_said"), [("shelves", False), ("public.shelves", False), ("users", True)])
def test_a_table_that_nothing_makes_is_said_when_its_step_is_laid_out(root, monkeypatch, table, is_said):
    monkeypatch.chdir(root)
    done = CliRunner().invoke(main, ["new-step", "1", "Fill", "--table", table, "--column", "label_2"])
    assert done.exit_code == 0, done.output
    assert (f"First make {table}" in done.output) is is_said
