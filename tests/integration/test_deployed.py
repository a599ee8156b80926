"""What is deployed outside the database: kept before it is replaced, deployed again in a rollback."""

import sys

import pytest

from runbook.errors import StepFailed
from runbook.evidence import notebooks
from runbook.notebook import deployed
from runbook.plan.plan import Plan

WHOLE = 'import os; os.makedirs("{0}/functions"); open("{0}/functions/index.ts", "w").write("old")'
COPY = f"{sys.executable} -c 'import shutil, sys; shutil.copytree(*sys.argv[1:])'"


def kept(task, code: str, **given: str) -> None:
    deployed.keep(task, "hello", [sys.executable, "-c", code.format("{folder}")], **given)


def back(task, tmp_path, needs: str = "") -> None:
    deployed.give_back(task, "hello", f"-- Prose\n{needs}\n-- run: {COPY} {{folder}} {tmp_path / 'live'}")


def test_what_stood_there_is_deployed_again(begun, tmp_path):
    kept(begun.task, WHOLE)
    back(begun.task, tmp_path)
    assert (tmp_path / "live" / "functions" / "index.ts").read_text() == "old"


def test_without_a_token_the_command_is_printed_and_the_files_are_there(begun, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("HELLO_TOKEN", raising=False)
    kept(begun.task, WHOLE)
    back(begun.task, tmp_path, "-- needs: HELLO_TOKEN")
    said = capsys.readouterr().out
    folder = begun.task.plan.outputs / "local" / "deployed" / "hello"
    assert f"no HELLO_TOKEN was given. Its files are back in {folder}" in said
    assert str(tmp_path / "live") in said
    assert (folder / "functions" / "index.ts").read_text() == "old"
    assert not (tmp_path / "live").exists()
    monkeypatch.setenv("HELLO_TOKEN", "secret")
    back(begun.task, tmp_path, "-- needs: HELLO_TOKEN")
    assert (tmp_path / "live").exists()
    assert "secret" not in capsys.readouterr().out


def test_what_was_not_there_is_not_given_back(begun, tmp_path, capsys):
    back(begun.task, tmp_path)
    assert "has replaced nothing" in capsys.readouterr().out
    kept(begun.task, "import sys; sys.exit('404: function hello not found')")
    back(begun.task, tmp_path)
    assert "Nothing was deployed as hello before" in capsys.readouterr().out
    assert not (tmp_path / "live").exists()


def test_what_cannot_be_downloaded_is_not_replaced(begun):
    with pytest.raises(StepFailed, match="ended with exit code 1, and nothing was replaced: no route"):
        kept(begun.task, "import sys; sys.exit('no route')")


def test_an_attempt_after_the_deployment_keeps_what_was_there_first(begun, tmp_path):
    kept(begun.task, WHOLE)
    begun.task.is_first = False
    kept(begun.task, WHOLE.replace("old", "new"))
    back(begun.task, tmp_path)
    assert (tmp_path / "live" / "functions" / "index.ts").read_text() == "old"


def test_a_part_of_a_rollback_script_is_such_a_cell(toy, open_notebook, toy_cells, tmp_path):
    script = toy / "sql" / "rollback" / "07_label_the_shelves.sql"
    script.write_text(f"-- %%deployed hello\n-- Back with it\n-- run: {COPY} {{folder}} {tmp_path / 'live'}\n")
    notebook = open_notebook(toy, *toy_cells[:2])
    kept(notebook.task, WHOLE)
    notebook.run(*toy_cells[2:])
    made = notebooks.rollback_notebook(Plan.load(toy / "runbook.toml").task(7))
    open_notebook(toy, *[cell.source for cell in made.cells if cell.cell_type == "code"])
    assert (tmp_path / "live" / "functions" / "index.ts").read_text() == "old"
