"""The content of a run: what belongs to it, and in which words a change of it is told."""

import json
import shutil
from pathlib import Path

import pytest
from tests.support.project import copy_parts

from runbook.errors import UsageError
from runbook.plan import fingerprint, installed
from runbook.plan.plan import Plan

ROOT = Path(__file__).parents[2]
NOTEBOOK = "notebooks/07_label_the_shelves.ipynb"


@pytest.fixture
def small(tmp_path):
    return Plan.load(shutil.copytree(ROOT / "tests" / "toy", tmp_path / "copy") / "runbook.toml")


def injected(plan: Plan, text: str) -> None:
    path = fingerprint.injection_record(plan, "local")
    path.parent.mkdir(parents=True)
    path.write_text(text)


def here(plan: Plan) -> dict[str, str]:
    """The files of a plan, without those of the package."""
    return {name: one for name, one in fingerprint.files(plan).items() if not name.startswith("runbook/")}


def content(plan: Plan, given=None, schema=None):
    return fingerprint.content_of(plan, "local", given or {}, schema)


def test_a_copy_of_the_project_has_the_content_of_the_project(tmp_path):
    assert here(Plan.load(copy_parts(tmp_path) / "runbook.toml")) == here(Plan.load(ROOT / "runbook.toml"))


def test_the_content_holds_every_file_by_its_name(small):
    assert sorted(here(small)) == [
        NOTEBOOK, "runbook.toml", "sql/library.sql", "sql/roles.sql", "sql/rollback/07_label_the_shelves.sql",
    ]  # fmt: skip


def test_the_package_as_installed_belongs_to_it(small, tmp_path, monkeypatch):
    package = Path(shutil.copytree(installed.PACKAGE, tmp_path / "package"))
    monkeypatch.setattr(installed, "PACKAGE", package)
    before = content(small)
    assert {"runbook/__init__.py", "runbook/database/ledger.sql"} <= before[fingerprint.FILES].keys()
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / "__pycache__" / "made.pyc").write_bytes(b"")
    assert not fingerprint.differences(before, content(small))
    for name in ("batch/batch.py", "report/templates/report.html.j2", "database/ledger.sql"):
        kept = (package / name).read_bytes()
        (package / name).write_bytes(kept + b"\n")
        assert fingerprint.differences(before, content(small)) == [f"runbook/{name} changed"]
        (package / name).write_bytes(kept)
    (package / "batch" / "more.py").write_text("")
    assert fingerprint.differences(before, content(small)) == ["runbook/batch/more.py is new"]


def test_the_versions_of_all_that_is_imported_belong_to_it(small, monkeypatch):
    before = content(small)
    assert {"Python", "runbook", "papermill", "nbclient", "psycopg"} <= before[fingerprint.VERSIONS].keys()
    monkeypatch.setattr(installed, "versions", lambda: before[fingerprint.VERSIONS] | {"nbclient": "0.0.1"})
    was = before[fingerprint.VERSIONS]["nbclient"]
    assert fingerprint.differences(before, content(small)) == [f"nbclient changed from {was} to 0.0.1"]


def test_only_the_environments_own_entry_of_the_plan_counts(small):
    def after(change):
        changed = change(text)
        assert changed != text
        small.path.write_text(changed)
        found = fingerprint.differences(before, content(small))
        small.path.write_text(text)
        return found

    text, before = small.path.read_text(), content(small)
    assert not after(lambda text: text + "\n# a remark\n")
    assert not after(lambda text: text + '\n[environments.more]\napproval = "required"\n')
    assert not after(lambda text: text.replace("[environments.elsewhere]", "[environments.elsewhere]\napprovers = 7"))
    assert after(lambda text: text.replace("[environments.local]", "[environments.local]\napprovers = 2")) == [
        "approvers of local is new"
    ]
    assert after(lambda text: text.replace('title = "', 'title = "Another ')) == ["runbook.toml changed"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (NOTEBOOK, '{"cells": []}', [f"{NOTEBOOK} changed"]),
        ("sql/library.sql", None, ["sql/library.sql is gone"]),
        ("sql/more.sql", "SELECT 1", ["sql/more.sql is new"]),
        ("sql/faults/07_more.py", "1", ["sql/faults/07_more.py is new"]),
        ("supabase/functions/lend/index.ts", "1", ["supabase/functions/lend/index.ts is new"]),
        ("outputs/expected/07.ipynb", "{}", ["outputs/expected/07.ipynb is new"]),
        ("constraints.txt", "papermill==2", ["constraints.txt is new"]),
        ("pyproject.toml", "", ["pyproject.toml is new"]),
        ("sql/notes.txt", "not SQL", []),
        ("README.md", "not a source", []),
        ("outputs/local/1/manifest.json", "{}", []),
    ],
)
def test_a_changed_file_is_told_by_its_name(small, name, text, said):
    before, path = content(small), small.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink() if text is None else path.write_text(text)
    assert fingerprint.differences(before, content(small)) == said


def rewritten(small, change):
    """Change the notebook as JSON, and return what differs."""
    before, path = content(small), small.root / NOTEBOOK
    notebook = json.loads(path.read_text())
    change(notebook)
    path.write_text(json.dumps(notebook, indent=4))
    return fingerprint.differences(before, content(small))


def code(notebook, place=0):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"][place]


@pytest.mark.parametrize(
    "change",
    [
        lambda notebook: code(notebook)["metadata"].update(tags=["skip-execution"]),
        lambda notebook: code(notebook, 2)["metadata"].update(tags=["raises-exception"]),
        lambda notebook: code(notebook, 2)["metadata"].pop("tags", notebook["cells"].pop()),
        lambda notebook: notebook["cells"].reverse(),
        lambda notebook: notebook["cells"].append(notebook["cells"][-1]),
        lambda notebook: code(notebook).update(cell_type="raw"),
        lambda notebook: code(notebook).update(source=[*code(notebook)["source"], "\n1"]),
        lambda notebook: notebook["metadata"]["kernelspec"].update(name="another"),
        lambda notebook: notebook["cells"][0].update(source="another promise"),
    ],
)
def test_whatever_of_a_notebook_decides_is_told(small, change):
    assert rewritten(small, change) == [f"{NOTEBOOK} changed"]


def as_saved(notebook):
    """What JupyterLab leaves of a notebook that somebody ran, folded, and saved."""
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.99"}
    notebook["metadata"]["kernelspec"]["display_name"] = "Python 3 (ipykernel)"
    notebook["nbformat_minor"] = 5
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] |= {"collapsed": True, "jupyter": {"source_hidden": True}, "trusted": True}
        cell["source"] = "".join(cell["source"])
        if cell["cell_type"] == "code":
            cell["execution_count"], cell["metadata"]["execution"] = number, {"iopub.status.idle": "2026"}
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "done"}]


def test_what_jupyterlab_writes_on_saving_does_not_count(small):
    assert rewritten(small, as_saved) == []


def test_an_operators_note_does_not_count_and_hides_nothing(small):
    path = small.root / NOTEBOOK
    notebook = json.loads(path.read_text())
    notebook["cells"][0]["source"] = "# Task\n\n**Operator's note** _(who, when)_"
    path.write_text(json.dumps(notebook))

    def fill_in(notebook):
        notebook["cells"][0]["source"] = "# Task\n\n**Operator's note** Ada, Sunday.\n\n- all quiet"

    def hide(notebook):
        code(notebook)["source"] = f"# **Operator's note** x\n{''.join(code(notebook)['source'])}"

    assert rewritten(small, fill_in) == []
    assert rewritten(small, hide) == [f"{NOTEBOOK} changed"]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"shelves": 300, "prefix": "T"}, []),
        ({"shelves": 301, "prefix": "T"}, ["the parameter shelves changed from 300 to 301"]),
        ({"shelves": 300}, ["the parameter prefix is gone"]),
        ({"shelves": 300, "prefix": "S"}, ["the parameter prefix is gone"]),  # as the notebook has it anyway
        ({"shelves": 300, "prefix": "T", "workers": 3}, ["the parameter workers is new"]),
    ],
)
def test_a_changed_parameter_is_told_with_its_values(small, now, said):
    assert fingerprint.differences(content(small, {"prefix": "T", "shelves": 300}), content(small, now)) == said


def test_the_order_of_a_parameters_keys_does_not_count(small):
    one, other = ({"limits": limits} for limits in ({"a": 1, "bb": 2}, {"bb": 2, "a": 1}))
    assert content(small, one) == content(small, other)


def test_a_changed_target_is_told(small):
    before, after = (
        content(small, {}, "CREATE TABLE a"),
        content(small, {}, "CREATE TABLE b"),
    )
    assert fingerprint.differences(before, after) == ["the schema of the target changed"]
    assert fingerprint.differences(before, content(small, {})) == []


def test_a_fault_injection_since_is_told_with_its_result(small):
    before = content(small, {}, "")
    assert before[fingerprint.FAULT_INJECTION] == {"the fault injection on local": "not done"}
    injected(small, json.dumps({"digest": "0123456789abcdef", "counts": {"caught": 9, "missed": 1}}))
    (said,) = fingerprint.differences(before, content(small, {}, ""))
    assert said.startswith("the fault injection on local changed from not done to 9 caught, 1 missed with the content ")
    assert "0123456789ab (record " in said


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"digest": 7, "counts": {}}', '{"digest": "0", "counts": []}'])
def test_a_damaged_record_of_a_fault_injection_is_refused(small, text):
    injected(small, text)
    with pytest.raises(UsageError, match=r"faults\.json is damaged: `runbook inject-faults`"):
        content(small, {}, "")


@pytest.mark.parametrize(("text", "said"), [("{", "is no notebook"), ("{}", "is no notebook"), (None, "is missing")])
def test_a_notebook_that_cannot_be_read_is_refused(small, text, said):
    path = small.root / NOTEBOOK
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(UsageError, match=said):
        fingerprint.plan_digest(small)


def test_the_parameters_of_a_content_are_told_as_a_command_line_gives_them():
    given = {"the parameter share": "0.25", "the parameter roles": '["a", "b"]', "the parameter snapshot": '"it\'s"'}
    told = fingerprint.as_options({fingerprint.PARAMETERS: given})
    assert told == """ -p share 0.25 -p roles '['"'"'a'"'"', '"'"'b'"'"']' -p snapshot 'it'"'"'s'"""
