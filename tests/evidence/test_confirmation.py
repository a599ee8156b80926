"""A protected environment: no command alone changes it, and no typing error does."""

import builtins
import subprocess
import sys

import pytest

from runbook import openssh
from runbook.database import embedded
from runbook.errors import NotAllowed
from runbook.plan import fingerprint
from runbook.plan.plan import Plan
from runbook.policy import confirmation
from tests.support.toy import list_approver

ELSEWHERE = 'environment: str = "elsewhere"\nprefix: str = "S"\nworkers: int = 2\nbatch_blocks: int = 1'


@pytest.fixture
def elsewhere(toy, monkeypatch):
    """The toy's protected environment, at the embedded server, and nothing confirmed."""
    url = embedded.provide(toy, Plan.load(toy / "runbook.toml").environment("local"))
    monkeypatch.setenv("RUNBOOK_ELSEWHERE_DATABASE_URL", url)
    monkeypatch.delenv(confirmation.VARIABLE, raising=False)
    return toy


@pytest.fixture
def typed(monkeypatch):
    """Type something at every question; keep the questions."""
    asked = []

    def answer(text):
        def reply(question=""):
            asked.append(question)
            if isinstance(text, Exception):
                raise text
            return text

        monkeypatch.setattr(builtins, "input", reply)
        return asked

    return answer


def digest(root):
    return fingerprint.plan_digest(Plan.load(root / "runbook.toml"))


def test_the_name_must_be_typed(open_notebook, elsewhere, toy_cells, typed):
    asked = typed(" elsewhere ")
    notebook = open_notebook(elsewhere, ELSEWHERE, *toy_cells[1:])
    assert len(asked) == 1
    assert "Type elsewhere to go on" in asked[0]
    assert notebook.rows("SELECT count(*) FROM shelves WHERE label IS NULL") == [(0,)]


@pytest.mark.parametrize("text", ["", "yes", "local", "Elsewhere"])
def test_whatever_else_is_typed_stops_it(open_notebook, elsewhere, toy_cells, typed, text):
    typed(text)
    notebook = open_notebook(elsewhere, ELSEWHERE)
    with pytest.raises(NotAllowed, match="its name was not typed: nothing was done"):
        notebook.run(toy_cells[1])


def test_where_nobody_types_the_digest_is_demanded(open_notebook, elsewhere, toy_cells, typed):
    typed(EOFError())
    notebook = open_notebook(elsewhere, ELSEWHERE)
    with pytest.raises(NotAllowed, match="confirm with --confirm DIGEST, or RUNBOOK_CONFIRM"):
        notebook.run(toy_cells[1])


def test_the_digest_stands_for_the_typing(open_notebook, elsewhere, toy_cells, typed, monkeypatch):
    asked = typed("nothing")
    monkeypatch.setenv(confirmation.VARIABLE, digest(elsewhere)[:12])
    open_notebook(elsewhere, ELSEWHERE, toy_cells[1])
    assert asked == []


@pytest.mark.parametrize("given", ["0" * 12, ""])
def test_the_batch_is_refused_before_anything_runs(elsewhere, runbook, connect, given):
    for command, code, words in (("run", 4, "nobody has approved it"), ("rollback", 3, "is protected")):
        result = runbook(elsewhere, command, "--environment", "elsewhere", "--confirm", given)
        assert (result.returncode, words in result.stderr) == (code, True), result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert not list((elsewhere / "outputs").glob("elsewhere/*"))


def test_too_short_a_digest_does_not_count(elsewhere):
    plan = Plan.load(elsewhere / "runbook.toml")
    confirmation.require_confirmation(plan, plan.environment("elsewhere"), digest(elsewhere)[:12])
    confirmation.require_confirmation(plan, plan.environment("elsewhere"), digest(elsewhere))
    for given in (digest(elsewhere)[:11], "yes", "elsewhere", "0" * 65):
        with pytest.raises(NotAllowed, match="is not the digest"):
            confirmation.require_confirmation(plan, plan.environment("elsewhere"), given)


@pytest.mark.slow
def test_the_batch_goes_there_and_back_with_the_digest_that_approve_printed(elsewhere, runbook, key):
    there = ("--environment", "elsewhere")
    list_approver(elsewhere, key)
    said = ("--by", "Ada", "--statement", "Go")
    approval = runbook(elsewhere, "approve", *there, *said, **{openssh.KEY_VARIABLE: str(key)})
    assert approval.returncode == 0, approval.stderr
    printed = approval.stdout.partition("content ")[2][:12]
    done = runbook(elsewhere, "run", *there, "--confirm", printed)
    assert done.returncode == 0, done.stdout + done.stderr
    (elsewhere / "sql" / "more.sql").write_text("SELECT 1")
    assert runbook(elsewhere, "rollback", *there, "--confirm", printed).returncode == 3
    (elsewhere / "sql" / "more.sql").unlink()
    back = runbook(elsewhere, "rollback", *there, RUNBOOK_CONFIRM=printed)
    assert back.returncode == 0, back.stdout + back.stderr


def test_papermill_alone_needs_the_digest_too(elsewhere, tmp_path):
    command = [sys.executable, "-m", "papermill", "notebooks/07_label_the_shelves.ipynb", str(tmp_path / "out.ipynb")]
    command += ["-p", "environment", "elsewhere", "-k", "python3"]
    result = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False, timeout=240)
    assert result.returncode != 0
    assert "'elsewhere' is protected" in result.stderr


def test_a_task_that_changes_nothing_needs_no_confirmation(elsewhere):
    plan = Plan.load(elsewhere / "runbook.toml")
    notebook = plan.tasks[0].notebook
    assert confirmation.is_needed(plan.environment("elsewhere"), plan.tasks)
    assert not confirmation.is_needed(plan.environment("local"), plan.tasks)
    notebook.write_text(notebook.read_text().replace('"apply"', '"probe"'))
    assert not confirmation.is_needed(plan.environment("elsewhere"), plan.tasks)
    assert confirmation.is_needed(plan.environment("elsewhere"), plan.tasks, undo=True)
