"""The command line on the toy runbook: another migration altogether, run with no change in lib/."""

import json
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from click.testing import CliRunner, Result
from nbformat.v4 import new_code_cell

from runbook.cli import main
from runbook.database import embedded, lock, snapshot
from runbook.database.ledger import Ledger
from runbook.database.target import Target
from runbook.evidence.manifest import JOURNAL, file_digest, latest_run, read_manifest
from runbook.plan.plan import Plan
from tests.support.project import copy_toy
from tests.support.toy import NAME, add_second_task, list_approver

CANARY = "c4n4ry"
MARK = "papermill-error-cell-tag"
DECIDES = "-- criterion: Every shelf has a label\n-- trigger: A shelf without a label\n"


@dataclass(frozen=True)
class Run:
    """What a run left: its folder, manifest, journal and executed notebook, and what the command said."""

    folder: Path
    said: subprocess.CompletedProcess[str]

    @property
    def root(self) -> Path:
        return self.folder.parents[2]

    @property
    def manifest(self) -> dict[str, Any]:
        return read_manifest(self.folder)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / JOURNAL).read_text("utf-8").splitlines()]

    @property
    def notebook(self) -> Any:
        return nbformat.read(self.folder / NAME, 4)

    @property
    def cells(self) -> list[Any]:
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]


@pytest.fixture
def run(runbook):
    """Run the batch, expect an exit code, and return what the run left."""

    def call(root: Path, *arguments: str, code: int = 0, **environment: str) -> Run:
        said = runbook(root, "run", *arguments, **environment)
        assert said.returncode == code, said.stdout + said.stderr
        assert "Traceback" not in said.stdout + said.stderr
        folder = latest_run(Plan.load(root / "runbook.toml"))
        assert folder is not None, said.stdout + said.stderr
        return Run(folder, said)

    return call


@pytest.fixture
def ask(monkeypatch):
    """Give a command without a process of its own: for what runs no notebook."""
    monkeypatch.setenv("COLUMNS", "200")
    handler = signal.getsignal(signal.SIGTERM)

    def call(root: Path, *arguments: str) -> Result:
        monkeypatch.chdir(root)
        result = CliRunner().invoke(main, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    yield call
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, state):
    """A toy that was run once, on a database of its own."""
    root = copy_toy(tmp_path_factory.mktemp("finished"), "toy_finished")
    command = [sys.executable, "-m", "runbook", "run"]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=240)
    assert said.returncode == 0, said.stdout + said.stderr
    return Run(latest_run(Plan.load(root / "runbook.toml")), said)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory, state):
    """A toy of two tasks that was never run, on a database of its own."""
    root = copy_toy(tmp_path_factory.mktemp("untouched"), "toy_untouched")
    add_second_task(root)
    return root


def replace_cell(root: Path, what: str, *sources: str) -> None:
    """Put other cells in place of the one whose source ends in `what`."""
    path = root / "notebooks" / NAME
    notebook = nbformat.read(path, 4)
    place = next(at for at, cell in enumerate(notebook.cells) if cell.source.endswith(what))
    source = notebook.cells[place].source
    notebook.cells[place : place + 1] = [new_code_cell(one.replace("…", source)) for one in sources]
    nbformat.write(notebook, path)


def url(root: Path) -> str:
    return embedded.provide(root, Plan.load(root / "runbook.toml").environment("local"))


def outcome(connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT runs.status, number, tasks.status FROM runbook.runs JOIN runbook.tasks USING (run_id) ORDER BY 2"
    ).fetchall()


def test_a_run_leaves_an_executed_notebook_and_its_pages(finished):
    assert [cell.execution_count for cell in finished.cells] == list(range(1, len(finished.cells) + 1))
    assert not [output for cell in finished.cells for output in cell.outputs if output.output_type == "error"]
    assert {"events.jsonl", "manifest.json", "report.html", NAME, NAME.replace(".ipynb", ".html")} <= {
        path.name for path in finished.folder.iterdir()
    }
    assert "Label the shelves" in (finished.folder / "report.html").read_text("utf-8")


def test_a_run_ends_with_what_to_do_next(finished):
    assert finished.said.stdout.splitlines()[-1] == (
        "Next: Keep this folder. To give everything back: `runbook rollback --environment local`."
    )


def test_the_journal_follows_the_progress_of_a_cell(finished):
    lines = [json.loads(line) for line in (finished.folder / "events.jsonl").open(encoding="utf-8")]
    updates = [line for line in lines if line["event"] == "update"]
    assert updates
    assert updates[0]["message"].startswith("7.1 · Add the label · shelves: ")
    assert (updates[0]["task"], updates[0]["of"]) == (7, len(finished.cells))


def test_a_runs_manifest_has_what_the_contract_says(finished):
    manifest = finished.manifest
    assert (manifest["run_id"], manifest["environment"]) == (finished.folder.name, "local")
    assert (manifest["status"], manifest["failure"]) == ("complete", None)
    (task,) = manifest["tasks"]
    assert (task["number"], task["name"], task["status"]) == (7, "Label the shelves", "complete")
    assert task["started_at"] < task["finished_at"]
    assert (task["notebook"], task["sha256"]) == (NAME, file_digest(finished.folder / NAME))
    of_the_contract = ("name", "expected", "actual", "passed", "criterion", "trigger")
    assert [{name: check[name] for name in of_the_contract} for check in task["checks"]] == [
        {
            "name": "no shelf is without a label",
            "expected": "no rows",
            "actual": "no rows",
            "passed": True,
            "criterion": "Every shelf has a label",
            "trigger": "A shelf without a label",
        }
    ]
    assert task["criteria"] == [{"name": "Every shelf has a label", "met": True}]
    assert task["triggers"] == [{"name": "A shelf without a label", "fired": False}]


def test_a_run_announces_itself_in_the_words_of_the_protocol(finished):
    messages = [event["message"] for event in finished.events]
    forms = [
        r"Starting Task 7: Label the shelves - ETA: 1 min",
        r"Task 7: 25% complete - .+",
        r"Task 7: 50% complete - .+",
        r"Task 7: 75% complete - .+",
        r"Task 7: ✅ COMPLETE - Labelled shelves",
    ]
    found = [next(at for at, text in enumerate(messages) if re.fullmatch(form, text)) for form in forms]
    assert found == sorted(found)
    assert [text for text in messages if text.startswith(("Starting Task", "Task 7:"))] == [
        line for line in finished.said.stdout.splitlines() if line.startswith(("Starting Task", "Task 7:"))
    ]
    assert all(event["at"] and event["event"] for event in finished.events)


def test_a_second_run_changes_nothing(finished, run, connect):
    before = snapshot.digest(connect(finished.root), "shelves"), snapshot.schema_dump(Target.at(url(finished.root)))
    assert run(finished.root).folder != finished.folder
    after = snapshot.digest(connect(finished.root), "shelves"), snapshot.schema_dump(Target.at(url(finished.root)))
    assert after == before


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "-p", "wrokers", "3"], "no parameter 'wrokers'"),
        (["run", "-p", "workers", "many"], "'workers' must be of type int, not str"),
        (["run", "-p", "workers", "0"], "The plan: the parameter 'workers' must be from 1 to 64, not 0."),
        (["approve", "--by", "A", "--statement", "s", "-p", "workers", "1e400"], "'workers' must be of type int, not"),
        (["run", "-p", "environment", "local"], "Give the environment by --environment"),
        (["run", "--from", "9"], "There is no task 9"),
        (["run", "--from", "8", "--to", "7"], "--from 8 comes after --to 7"),
        (["run", "--environment", "moon"], "There is no environment 'moon'"),
        (["run", "--environment", "elsewhere"], "set RUNBOOK_ELSEWHERE_DATABASE_URL"),
        (["rollback", "--to", "9"], "There is no task 9"),
        (["verify"], "There is no run in"),
        (["report", "nowhere"], "There is no run in nowhere"),
        (["reset", "--environment", "elsewhere"], "Only an embedded environment can be reset"),
        (["approve", "--by", " ", "--statement", "yes"], "An approval needs a name"),
    ],
)
def test_wrong_usage_is_one_sentence_and_touches_nothing(untouched, ask, connect, arguments, complaint):
    result = ask(untouched, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("runbook: ")
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (untouched / "outputs").exists()
    tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relowner = current_user::regrole"
    assert connect(untouched).execute(tables).fetchall() == [("shelves",)]


def test_outside_a_checkout_the_folder_is_named(tmp_path, runbook):
    result = runbook(tmp_path, "status")
    assert (result.returncode, str(tmp_path) in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("cell", "name", "said"),
    [
        pytest.param("%%sql\nSELECT nothing FROM nowhere", "StepFailed", "SQL error 42P01", marks=pytest.mark.slow),
        (f"%%check a shelf is blue: some rows\n{DECIDES}SELECT 1 WHERE false", "GateShut", "“a shelf is blue”"),
        pytest.param("import sys\nsys.exit(0)", "StepFailed", "before its gate was decided", marks=pytest.mark.slow),
        ("import os\nos.kill(os.getpid(), 9)", "DeadKernelError", "Kernel died"),
        pytest.param("{}['label']", "KeyError", "KeyError: 'label'", marks=pytest.mark.slow),
    ],
    ids=["SQL error", "failing check", "exit in a cell", "dead kernel", "error of Python"],
)
def test_a_failure_stops_the_batch_and_is_shown_everywhere(toy, run, connect, cell, name, said):
    add_second_task(toy)
    replace_cell(toy, "conclude()", cell, "…")
    stopped = run(toy, code=1)
    first, second = stopped.manifest["tasks"]
    assert (stopped.manifest["status"], first["status"], second["status"]) == ("failed", "failed", "not_run")
    failure = stopped.manifest["failure"]
    assert (failure["task"], failure["name"]) == (7, name)
    assert said in failure["message"]
    assert "`runbook run --environment local --" in failure["next"]
    assert outcome(connect(toy)) == [("failed", 7, "failed")]
    issue = next(event["message"] for event in stopped.events if event["event"] == "issue")
    assert re.fullmatch(r"Task 7: ⚠️ ISSUE - .+ - .+", issue)
    assert said in issue
    assert len([event for event in stopped.events if said in event["message"]]) == 1
    assert stopped.said.stdout.splitlines()[-1] == f"Next: {failure['next']}"
    assert failure["next"] not in failure["message"]
    assert stopped.said.stdout.count(failure["next"]) == 1
    reasons = [event["reason"] for event in stopped.events if event["event"] == "escalation"]
    assert len([reason for reason in reasons if reason != "overtime"]) == 1  # a busy machine is late as well
    assert stopped.cells[-1].execution_count is None
    assert stopped.cells[-1].outputs == []
    marks = [cell.source for cell in stopped.notebook.cells if MARK in cell.metadata.get("tags", ())]
    assert ["An Exception was encountered" in marks[0], 'id="papermill-error-cell"' in marks[1]] == [True, True]
    assert (stopped.folder / "report.html").exists()


@pytest.mark.slow
def test_a_notebook_that_does_not_decide_its_gate_fails(toy, run):
    replace_cell(toy, "conclude()", "task")
    failure = run(toy, code=1).manifest["failure"]
    assert failure["message"] == "The notebook ended before its gate was decided."


def test_a_task_without_what_it_needs_does_not_start(toy, runbook, connect):
    add_second_task(toy)
    result = runbook(toy, "run", "--from", "8")
    assert result.returncode == 3
    assert "Task 8 needs Task 7 complete on 'local': run `runbook run --environment local --from 7`" in result.stderr
    assert not (toy / "outputs").exists()
    assert outcome(connect(toy)) == []


def test_a_target_held_by_another_run_is_left_alone(toy, runbook, connect):
    holder = connect(toy)
    holder.execute("SET application_name = 'runbook of somebody'")
    ledger = Ledger(holder, "toy")
    ledger.prepare()
    lock.take(holder, "toy")
    for command in ("run", "rollback"):
        result = runbook(toy, command)
        assert result.returncode == 75
        assert "Another run holds this target" in result.stderr
        assert f"runbook of somebody (backend {holder.info.backend_pid})" in result.stderr
    assert not (toy / "outputs").exists()


@pytest.mark.slow
def test_a_run_that_stopped_is_resumed_where_it_stopped(toy, run, ask, connect):
    add_second_task(toy)
    later = toy / "notebooks" / "08_again.ipynb"
    good = later.read_text()
    later.write_text(good.replace("task.conclude()", "1 / 0"))
    stopped = run(toy, "-p", "prefix", "X", code=1)
    assert [task["status"] for task in stopped.manifest["tasks"]] == ["complete", "failed"]
    later.write_text(good)
    resumed = run(toy, "--resume")
    assert (resumed.folder, resumed.manifest["status"]) == (stopped.folder, "complete")
    assert [task["status"] for task in resumed.manifest["tasks"]] == ["complete", "complete"]
    assert resumed.manifest["tasks"][0]["finished_at"] == stopped.manifest["tasks"][0]["finished_at"]
    assert resumed.manifest["parameters"] == {"prefix": "X"}
    assert connect(toy).execute("SELECT count(*) FROM shelves WHERE label = 'X' || shelf").fetchone() == (300,)
    again = ask(toy, "run", "--resume")
    assert (again.exit_code, "nothing to resume" in again.stderr) == (2, True)


@pytest.mark.slow
def test_a_run_that_stopped_goes_on_to_its_own_last_task(toy, run, ask):
    add_second_task(toy)
    notebook = toy / "notebooks" / NAME
    good = notebook.read_text()
    notebook.write_text(good.replace("task.conclude()", "1 / 0"))
    stopped = run(toy, "--to", "7", code=1)
    assert "run --environment local --resume" in stopped.said.stdout
    notebook.write_text(good)
    refused = ask(toy, "run", "--resume", "--to", "8")
    assert (refused.exit_code, "is about Task 7: --to 8 cannot resume it" in refused.stderr) == (2, True)
    resumed = run(toy, "--resume")
    assert [task["status"] for task in resumed.manifest["tasks"]] == ["complete", "not_run"]


@pytest.mark.slow
def test_a_run_whose_tasks_were_rolled_back_does_them_over(toy, run, runbook, connect):
    first = run(toy)
    connect(toy).execute("UPDATE runbook.runs SET status = 'running'")  # killed before its last word
    assert runbook(toy, "rollback").returncode == 0
    assert runbook(toy, "run", "--resume").returncode == 0
    assert read_manifest(first.folder)["tasks"][0]["status"] == "complete"
    assert connect(toy).execute("SELECT count(*) FROM shelves WHERE label IS NOT NULL").fetchone() == (300,)


@pytest.mark.slow
def test_what_does_not_hold_at_the_end_shuts_the_gate(toy, run):
    add_second_task(toy)
    path = toy / "notebooks" / "08_again.ipynb"
    notebook = nbformat.read(path, 4)
    change = "%%sql\nUPDATE shelves SET label = NULL WHERE shelf = 1"
    harm = nbformat.v4.new_code_cell(change, metadata={"tags": ["apply"]})
    last = next(at for at, cell in enumerate(notebook.cells) if "conclude()" in cell.source)
    notebook.cells.insert(last, harm)
    nbformat.write(notebook, path)
    failure = run(toy, code=1).manifest["failure"]
    assert failure["message"].startswith("What the run has shown does not hold at its end: Task 7")


def test_a_cell_that_changes_the_target_without_saying_so_is_refused_before_the_run(toy, ask, connect):
    path = toy / "notebooks" / NAME
    notebook = nbformat.read(path, 4)
    notebook.cells.insert(3, nbformat.v4.new_code_cell("%%sql\nALTER TABLE shelves ADD COLUMN secret text"))
    nbformat.write(notebook, path)
    for command in (("run",), ("approve", "--by", "Ada", "--statement", "Go")):
        refused = ask(toy, *command)
        assert refused.exit_code == 2
        assert f"{NAME}, cell 4 changes the target (ALTER TABLE shelves ADD COLUMN secret" in refused.stderr
    assert connect(toy).execute("SELECT to_regnamespace('runbook')").fetchone() == (None,)


def test_a_part_of_the_plan_takes_the_parameters_of_the_whole(toy, ask):
    add_second_task(toy)
    later = toy / "notebooks" / "08_again.ipynb"
    later.write_text(later.read_text().replace("prefix", "later_prefix"))
    said = ask(toy, "run", "--to", "7", "-p", "later_prefix", "X")
    assert (said.exit_code, "None of these tasks takes later_prefix" in said.stdout) == (0, True)
    unknown = ask(toy, "run", "--to", "7", "-p", "latest_prefix", "X")
    assert (unknown.exit_code, "The plan has no parameter 'latest_prefix'" in unknown.stderr) == (2, True)


@pytest.mark.slow
def test_a_rollback_gives_back_the_schema_to_the_byte(toy, run, runbook, ask):
    before = snapshot.schema_dump(Target.at(url(toy)))
    run(toy)
    assert snapshot.schema_dump(Target.at(url(toy))) != before
    result = runbook(toy, "rollback")
    assert result.returncode == 0, result.stdout + result.stderr
    assert snapshot.schema_dump(Target.at(url(toy))) == before
    back = Run(latest_run(Plan.load(toy / "runbook.toml")), result)
    assert back.manifest["status"] == back.manifest["tasks"][0]["status"] == "rolled_back"
    assert back.manifest["tasks"][0]["notebook"] == f"rollback_{NAME}"
    again = ask(toy, "rollback")
    assert (again.exit_code, "nothing to reverse" in again.stderr) == (2, True)
    assert run(toy).manifest["status"] == "complete"


@pytest.mark.slow
def test_a_protected_environment_waits_for_approval_and_confirmation(toy, run, runbook, key):
    list_approver(toy, key)
    replace_cell(toy, "begin(7)", "…", "task.authorize()")
    address = {"RUNBOOK_ELSEWHERE_DATABASE_URL": f"{url(toy)} password={CANARY}"}
    elsewhere = ("--environment", "elsewhere")
    unapproved = runbook(toy, "run", *elsewhere, **address)
    assert (unapproved.returncode, "nobody has approved it" in unapproved.stderr) == (4, True)
    approval = runbook(
        toy, "approve", *elsewhere, "--by", "Ada", "--statement", "Go", **address, RUNBOOK_SIGNING_KEY=str(key)
    )
    assert approval.returncode == 0, approval.stderr
    digest = re.search(r"\b[0-9a-f]{12,}\b", approval.stdout)
    assert digest
    unconfirmed = runbook(toy, "run", *elsewhere, **address)
    assert (unconfirmed.returncode, "'elsewhere' is protected" in unconfirmed.stderr) == (3, True)
    other = runbook(toy, "run", *elsewhere, "--confirm", digest[0][::-1], **address)
    assert (other.returncode, "is not the digest of this content" in other.stderr) == (3, True)
    approved = run(toy, *elsewhere, "--confirm", digest[0], **address)
    assert (approved.manifest["environment"], approved.manifest["status"]) == ("elsewhere", "complete")
    left = [path for path in (toy / "outputs").rglob("*") if path.is_file()]
    assert left
    assert not [path for path in left if CANARY in path.read_text("utf-8")]


@pytest.mark.slow
def test_a_task_stops_where_its_target_is_no_longer_what_was_approved(toy, run, runbook, connect):
    plan = toy / "runbook.toml"
    plan.write_text(plan.read_text().replace('approval = "automatic"', 'approval = "required"'))
    replace_cell(toy, "begin(7)", "…", "task.authorize()")
    approval = runbook(toy, "approve", "--by", "Ada", "--statement", "Go")
    assert approval.returncode == 0, approval.stderr
    connect(toy).execute("ALTER TABLE shelves ADD COLUMN height integer")
    refused = run(toy, code=4)
    assert refused.manifest["failure"]["name"] == "NotApproved"
    assert "approve" in refused.manifest["failure"]["message"]
    reasons = [event["reason"] for event in refused.events if event["event"] == "escalation"]
    assert [reason for reason in reasons if reason != "overtime"] == ["input"]


def test_an_altered_notebook_is_noticed(finished, ask, tmp_path):
    assert ask(finished.root, "verify", str(finished.folder)).exit_code == 0
    copy = tmp_path / "copy"
    shutil.copytree(finished.folder, copy)
    (copy / NAME).write_text((copy / NAME).read_text("utf-8").replace("Add the label", "Add a label"), "utf-8")
    altered = ask(finished.root, "verify", str(copy))
    assert (altered.exit_code, altered.stdout.startswith(f"✗ {NAME}")) == (1, True)
    (copy / NAME).unlink()
    missing = ask(finished.root, "verify", str(copy))
    assert (missing.exit_code, missing.stdout.startswith(f"✗ {NAME}")) == (1, True)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["status"], "complete"),
        (["environments"], "RUNBOOK_ELSEWHERE_DATABASE_URL not set"),
        (["environments", "--json"], '"has_address": false'),
        (["report"], "report.html"),
        (["--help"], "rollback"),
        (["--version"], "version"),
    ],
)
def test_a_question_gets_its_answer(finished, ask, command, said):
    result = ask(finished.root, *command)
    assert (result.exit_code, result.stderr) == (0, "")
    assert said in result.stdout


def test_documents_are_generated_and_kept_in_step(toy, ask):
    assert ask(toy, "docs", "--check").exit_code == 1
    assert ask(toy, "docs").exit_code == 0
    assert ask(toy, "docs", "--check").exit_code == 0
    assert "Label the shelves" in (toy / "docs" / "TASK_BREAKDOWN.md").read_text("utf-8")


def test_a_reset_gives_a_fresh_baseline(toy, ask, connect):
    connect(toy).execute("DELETE FROM shelves")
    assert ask(toy, "reset").exit_code == 0
    assert connect(toy).execute("SELECT count(*) FROM shelves").fetchone() == (300,)


@pytest.mark.slow
def test_a_result_unlike_the_expected_one_shuts_the_run(toy, run):
    run(toy, "--keep-expected")
    expected = toy / "outputs" / "expected" / NAME
    expected.write_text(expected.read_text("utf-8").replace("room 3", "room x"), "utf-8")
    differing = run(toy, "--fresh", code=1)
    assert (differing.manifest["status"], differing.manifest["failure"]) == ("failed", None)
    comparison = differing.manifest["comparison"]
    assert comparison["mode"] == "strict"
    (notebook,) = comparison["notebooks"]
    assert notebook["differences"]
    assert any("room x" in difference for difference in notebook["differences"])
    assert "Differs from the expected results" in differing.said.stdout


@pytest.mark.slow
def test_papermill_alone_meets_the_same_gates(toy, connect):
    command = [sys.executable, "-m", "papermill", f"notebooks/{NAME}", "out.ipynb", "--no-progress-bar"]
    result = subprocess.run(
        [*command, "-p", "environment", "local"], cwd=toy, capture_output=True, text=True, check=False, timeout=240
    )
    assert result.returncode == 0, result.stderr
    assert Ledger(connect(toy), "toy").states()[7].status == "complete"
