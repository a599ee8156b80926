"""The finish: what the rollback needed is archived and dropped, and there is no rollback any more."""

import gzip
import io
from pathlib import Path

import pytest
from rich.console import Console

from runbook.batch import ending
from runbook.batch.batch import RunRequest, run_batch
from runbook.batch.finish import FinishRequest, finish_migration, remove_ledger
from runbook.batch.rollback import RollbackRequest, roll_back
from runbook.errors import NotAllowed, UsageError
from runbook.evidence import seal, standalone
from runbook.evidence.manifest import latest_migration, latest_run, read_manifest
from runbook.evidence.verify import VerifyRequest, verify_run
from runbook.plan import fingerprint
from runbook.plan.plan import Plan
from tests.support.notebook import Opener
from tests.support.project import Command

SCRIPT = """
-- %%archive rooms by name
SELECT shelf, room FROM shelves ORDER BY shelf;

-- %%drop rooms by name
ALTER TABLE shelves DROP COLUMN room;
"""
COLUMNS = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'shelves'::regclass AND attname = 'room'"
OURS = "SELECT to_regclass('runbook.labels_before'), (SELECT count(*) FROM runbook.objects)"


@pytest.fixture
def root(toy: Path) -> Path:
    """The toy, whose task leaves a column and a table of the runbook's own behind."""
    path, script = toy / "runbook.toml", toy / "sql" / "finish" / "07_label_the_shelves.sql"
    path.write_text(
        path.read_text().replace("minutes = 1\n", f'finish = "{script.relative_to(toy)}"\nminutes = 1\n', 1)
    )
    script.parent.mkdir()
    script.write_text(SCRIPT)
    return toy


@pytest.fixture
def migrated(root: Path, open_notebook: Opener, toy_cells: list[str]) -> Path:
    kept = "%%sql\nCREATE TABLE runbook.labels_before AS SELECT shelf FROM shelves"
    open_notebook(root, *toy_cells[:2], kept, *toy_cells[2:]).close()
    return root


def plan_of(root: Path) -> Plan:
    return Plan.load(root / "runbook.toml")


def finished(root: Path, *keep: str, yes: bool = True) -> tuple[int, str]:
    """Finish on the local environment; return the exit code and what was printed."""
    said = io.StringIO()
    code = finish_migration(plan_of(root), "local", FinishRequest(keep, yes=yes), Console(file=said, width=200))
    return code, said.getvalue()


def test_what_the_rollback_needed_is_archived_and_dropped(migrated: Path, connect: object) -> None:
    code, said = finished(migrated)
    assert code == 0
    assert "rooms by name (Task 7): archived, then dropped" in said
    folder = latest_run(plan_of(migrated))
    manifest = read_manifest(folder)
    kept = {one["name"]: one for one in manifest["final"]["archives"]}
    rows = gzip.decompress((folder / kept["rooms by name"]["file"]).read_bytes()).decode().splitlines()
    assert (rows[0], len(rows), kept["rooms by name"]["rows"]) == ("shelf,room", 301, 300)
    assert kept["runbook.labels_before"]["rows"] == 300
    assert kept["runbook.runs"]["rows"] >= 2
    assert "column public.shelves.room" in manifest["final"]["dropped"]
    assert seal.problems(folder) == []
    assert manifest["status"] == "finished"
    assert "The rollback is closed" in (folder / "report.html").read_text()
    assert latest_migration(plan_of(migrated), plan_of(migrated).environment("local")) != folder
    connection = connect(migrated)
    assert connection.execute(COLUMNS).fetchone() == (0,)
    assert connection.execute(OURS).fetchone() == (None, 0)


def test_there_is_no_rollback_and_no_way_on(
    migrated: Path, open_notebook: Opener, toy_cells: list[str], connect: object
) -> None:
    finished(migrated)
    plan, quiet = plan_of(migrated), Console(file=io.StringIO())
    for act in (
        lambda: roll_back(plan, "local", RollbackRequest(yes=True), quiet),
        lambda: run_batch(plan, RunRequest(environment="local"), quiet),
        lambda: open_notebook(migrated, toy_cells[0], "import runbook\ntask = runbook.begin(7, undo=True)"),
        lambda: open_notebook(migrated, *toy_cells[:2]),
        lambda: finished(migrated),
    ):
        with pytest.raises(NotAllowed, match=r"was made final by .* its rollback is closed"):
            act()


@pytest.mark.slow
def test_an_earlier_run_is_not_held_against_a_target_made_final(root: Path, runbook: Command) -> None:
    assert runbook(root, "run").returncode == 0
    plan = plan_of(root)
    folder = latest_run(plan)
    finished(root)
    said: list[str] = []
    assert verify_run(plan, VerifyRequest(folder), said.append) == 0
    with pytest.raises(UsageError, match=r"was made final by .* after this run"):
        verify_run(plan, VerifyRequest(folder, live=True), said.append)


def test_what_is_to_be_kept_is_archived_and_stays(migrated: Path, connect: object) -> None:
    assert finished(migrated, "rooms by name")[0] == 0
    manifest = read_manifest(latest_run(plan_of(migrated)))
    assert manifest["final"]["kept"] == ["rooms by name"]
    assert connect(migrated).execute(COLUMNS).fetchone() == (1,)


def test_what_nobody_knows_cannot_be_kept(migrated: Path) -> None:
    with pytest.raises(UsageError, match="Nothing is called 'cellar': what may be kept is 'rooms by name'"):
        finished(migrated, "cellar")


def test_a_migration_that_is_not_complete_is_not_made_final(root: Path) -> None:
    with pytest.raises(NotAllowed, match="Task 7 is not complete on 'local': `runbook run --environment local`"):
        finished(root)


@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        ("CREATE VIEW rooms AS SELECT room FROM shelves", "view rooms depends on column room"),
        (
            "CREATE FUNCTION place(int) RETURNS text LANGUAGE plpgsql AS "
            "'BEGIN RETURN (SELECT room FROM shelves WHERE shelf = $1); END'",
            "function public.place(integer) names column public.shelves.room",
        ),
    ],
)
def test_what_others_still_need_is_named_and_nothing_is_dropped(
    migrated: Path, connect: object, theirs: str, named: str
) -> None:
    connect(migrated).execute(theirs)
    code, said = finished(migrated)
    assert code == 3
    assert named in " ".join(said.split()), said
    assert connect(migrated).execute(COLUMNS).fetchone() == (1,)
    assert read_manifest(latest_run(plan_of(migrated)))["status"] == "failed"
    assert roll_back(plan_of(migrated), "local", RollbackRequest(yes=True), Console(file=io.StringIO())) == 0


def test_killed_before_its_seal_it_is_sealed_by_the_same_command(
    migrated: Path, monkeypatch: pytest.MonkeyPatch, connect: object
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ending, "end", lambda *_, **__: (_ for _ in ()).throw(SystemExit(9)))
        with pytest.raises(SystemExit):
            finished(migrated)
    assert latest_run(plan_of(migrated)) is None
    code, said = finished(migrated)
    assert (code, "its evidence is sealed now" in said) == (0, True)
    folder = latest_run(plan_of(migrated))
    assert seal.problems(folder) == []
    assert read_manifest(folder)["run_id"] == folder.name


def test_a_protected_environment_wants_its_digest_and_any_other_a_yes(migrated: Path) -> None:
    path = migrated / "runbook.toml"
    text, local = path.read_text(), 'owner = "librarian"\napproval = "automatic"'
    path.write_text(text.replace(local, 'owner = "librarian"\napproval = "required"'))
    with pytest.raises(NotAllowed, match="nobody is there to ask"):
        finished(migrated, yes=False)
    path.write_text(text.replace(local, f"{local}\nprotected = true"))
    with pytest.raises(NotAllowed, match="is protected: confirm with --confirm DIGEST"):
        finished(migrated)
    assert latest_run(plan_of(migrated)) is None
    request = FinishRequest(confirm=fingerprint.plan_digest(plan_of(migrated)))
    assert finish_migration(plan_of(migrated), "local", request, Console(file=io.StringIO())) == 0


def test_the_ledger_goes_by_a_command_of_its_own(migrated: Path, connect: object) -> None:
    plan, quiet, connection = plan_of(migrated), Console(file=io.StringIO()), connect(migrated)
    with pytest.raises(NotAllowed, match="toy is not final here"):
        remove_ledger(plan, "local", FinishRequest(yes=True), quiet)
    finished(migrated)
    connection.execute("CREATE VIEW runs AS SELECT run_id FROM runbook.runs")
    with pytest.raises(NotAllowed, match=r"view public.runs hangs on"):
        remove_ledger(plan, "local", FinishRequest(yes=True), quiet)
    connection.execute("DROP VIEW runs")
    assert remove_ledger(plan, "local", FinishRequest(yes=True), quiet) == 0
    assert connection.execute("SELECT to_regnamespace('runbook')").fetchone() == (None,)
    assert connection.execute("SELECT count(label) FROM shelves").fetchone() == (300,)
    assert "is in the evidence of the finish" in " ".join(quiet.file.getvalue().split())
    remove_ledger(plan, "local", FinishRequest(yes=True), quiet)
    assert quiet.file.getvalue().endswith("No migration was made final here.\n")


def test_archives_larger_than_evidence_are_no_end_of_the_rollback(migrated: Path, monkeypatch: object) -> None:
    monkeypatch.setattr(standalone, "MOST_BYTES", standalone.LARGEST + 9)
    code, said = finished(migrated)
    assert (code, "The archives are larger than evidence may be, 9 bytes in all" in said) == (1, True), said
    folder = latest_run(plan_of(migrated))
    assert not list(folder.glob("archive/*"))
    assert seal.problems(folder) == []
