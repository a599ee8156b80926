"""What a report tells beside the verdict: faults injected, access, schema, deviations, decisions, what a stop left."""

import json

import pytest
from tests.support import sample_run
from tests.support.sample_run import words

from runbook.evidence.model import parse_manifest
from runbook.query.table import Table
from runbook.report import access, applied_cells, deviations, fault_coverage, schema_diff

ACCESS = [
    {"object": "accounts", "operation": "read", "persona": who, "expected": "1", "outcome": outcome, "right": right}
    for who, outcome, right in (("owner", "1", True), ("stranger", "denied", True), ("robot", "22P02", False))
]


@pytest.mark.parametrize(
    ("digest", "results", "said"),
    [
        (
            "same",
            ["caught", "missed", "false alarm"],
            "✗ Faults were injected with the content of this run: only 1 of 3 seeded",
        ),
        (
            "other",
            ["caught", "caught"],
            "! Faults were injected with other content than this run's: 2 of 2 seeded faults",
        ),
    ],
)
def test_a_fault_injection_is_told_for_what_it_is_worth(build, complete, tmp_path, digest, results, said):
    (tmp_path / "run").mkdir()
    record = sample_run.injection(complete["digest"] if digest == "same" else digest, *results)
    (tmp_path / "run" / "faults.json").write_text(record)
    page = build(complete)
    assert words(page.select(".remarks li")[-1]).startswith(said)
    row = page.select_one(".faults tbody tr")
    counts = [results.count(one) for one in ("caught", "missed", "false alarm")]
    assert [int(words(cell)) for cell in row.select("td.num")] == [len(results), *counts]
    assert row.svg["aria-label"] == f"Task 2: {counts[0]} of {len(results)} faults caught"
    shown = [words(one.td) for one in page.select("#fault-injection ~ details tbody tr")]
    assert len(shown) == len(results)
    assert "caught" in shown[-1]  # what was not caught comes first
    assert ("caught" in shown[0]) == (results.count("caught") == len(results))


def test_that_nobody_injected_faults_is_said_clearly(build, complete):
    complete["fault_injection"] = None
    page = build(complete)
    assert (
        words(page.select(".remarks li")[-1]) == "! No fault injection is on record: nobody has seen the checks fail."
    )
    assert page.select_one(".faults") is None


def test_the_access_matrix_is_shown_and_a_wrong_cell_stands_out(build, complete):
    complete["tasks"][3]["notes"] = {"access": ACCESS}
    page = build(complete)
    matrix = page.select_one(".matrix")
    assert [words(cell) for cell in matrix.thead.select("th")] == ["operation", "owner", "stranger", "robot"]
    assert [words(cell) for cell in matrix.select("tbody td")] == ["yes", "denied", "✗ error 22P02, declared: 1"]
    assert "1 not as declared" in words(page.select_one("#access").parent)
    assert matrix.find_parent("details").has_attr("open")
    assert words(matrix.find_previous("h2")) == "Who may do what"
    assert access.matrices_of([sample_run.entry(notes={"other": [{"object": 1}], "text": "x"})]) == []


def test_a_matrix_that_declares_nothing_is_the_target_as_found(build, complete):
    tried = [{"object": "shelves", "operation": "read", "persona": "owner", "expected": "as found", "outcome": "1"}]
    complete["tasks"][1]["notes"] = {"access": [one | {"right": True} for one in tried]}
    page = build(complete)
    assert words(page.select_one("#access")) == "Who may do what, as found"
    assert not page.select(".matrix .wrong")
    assert not page.select_one(".matrix").find_parent("details").has_attr("open")


def test_what_changed_in_the_schema_is_told_by_kind_and_by_line(build, complete):
    page = build(complete)
    table = page.select("#changed ~ .scroll")[0]
    rows = {words(row.th): [words(cell) for cell in row.select("td")] for row in table.select("tbody tr")}
    assert rows["table"] == ["1", "1", "1 changed : public.organizations"]
    assert rows["unique index"] == ["0", "1", "1 new : one on public.organizations"]
    assert rows["grant"] == ["1", "0", "1 gone"]
    assert "function" not in rows
    assert "+    ai_credits integer" in [line.string for line in page.select(".diff .added")]


def test_a_long_difference_of_the_schema_is_cut_and_says_so():
    found = schema_diff.compare("", "".join(f"CREATE TABLE t{n} ();\n" for n in range(schema_diff.MOST_LINES + 5)))
    assert (len(found.lines), found.more) == (schema_diff.MOST_LINES, 6)
    assert found.kinds[0].new[-1] == f"t{schema_diff.MOST_LINES + 4}"


def test_deviations_stand_under_their_task(build, complete):
    page = build(complete)
    assert words(page.select_one("#deviations ~ details summary")) == "Task 2: 2 corrections"
    assert [code.string for code in page.select("#deviations ~ details code")] == ["'x' || plan_name", "COALESCE"]
    assert deviations.tables_in("| a | b |\n| --- | --- |\n") == []


def test_every_decision_is_told(build, complete):
    said = {"statement": "not yet", "at": "2026-11-22T08:00:00+00:00"}
    complete["decisions"] = [{"approver": "Grace Hopper", "approved": False, **said}]
    assert "2026-11-22 08:00:00 UTC Grace Hopper ✗ rejected not yet" in words(build(complete))


def test_a_table_a_cell_wrote_keeps_its_columns_in_order(build, complete):
    complete["tasks"][2]["notes"] = {"pools": Table(["plan", "ai"], [["free", 1], ["paid", 20_000]]).summary()}
    captions = build(complete).select("#changed ~ .scroll caption")
    shown = next(one for one in captions if words(one) == "pools").parent
    assert [[words(cell) for cell in row.select("th, td")] for row in shown.select("tr")] == [
        ["plan", "ai"], ["free", "1"], ["paid", "20,000"],
    ]  # fmt: skip


# What a stop leaves


def test_a_run_that_stopped_tells_what_was_done_and_what_was_not(build, complete):
    page = build(sample_run.failed(complete))
    left = page.select_one(".left")
    summaries = [words(one) for one in left.select("summary")]
    assert summaries[0] == "Task 0 · Documentation & Planning: 1 of 1 change done"
    assert summaries[2].endswith("0 of 1 change done")
    step = left.select("details")[2]
    assert words(step.td) == "– not reached"
    assert step.has_attr("open")
    assert "ALTER TABLE organizations ADD COLUMN x integer" in words(step)
    assert "The schema is not the one it found" in words(left)
    assert f"The backup from before it is {sample_run.RUN_ID}.dump , restored and compared" in words(left)


def test_a_run_that_changed_nothing_says_so(build, complete):
    failed = sample_run.failed(complete, 0)
    failed["tasks"][0]["notebook"] = None
    assert "No cell that changes the target was reached." in words(build(failed).select_one(".left"))


def test_a_run_that_went_well_left_no_state_to_explain(build, complete):
    assert build(complete).select_one(".left") is None


@pytest.mark.parametrize(
    ("magic", "change", "mark", "note"),
    [
        ("%%sql", {}, "done", ""),
        ("%%sql", {"execution_count": None}, "not reached", ""),
        ("%%sql", {"outputs": [{"output_type": "error"}]}, "failed", applied_cells.ROLLED_BACK),
        ("%%sql", {"metadata": {"tags": ["apply"], "papermill": {"status": "running"}}}, "broken off", "one trans"),
        ("%%backfill accounts", {"outputs": [{"output_type": "error"}]}, "failed", applied_cells.REMAINS["backfill"]),
        ("x = 1", {"outputs": [{"output_type": "error"}]}, "failed", applied_cells.UNKNOWN),
    ],
)
def test_how_far_a_change_got_is_read_from_its_cell(tmp_path, magic, change, mark, note):
    cell = {"cell_type": "code", "execution_count": 3, "outputs": [], "metadata": {"tags": ["apply"]}, **change}
    cell["source"] = f"{magic}\n-- why\nCREATE TABLE t ()"
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": [cell]}))
    (found,) = applied_cells.applied_cells_of(tmp_path, [sample_run.entry(notebook="a.ipynb")])
    (step,) = found.steps
    assert step.mark.word == mark
    begins = {"%%sql": "CREATE TABLE t ()", "%%backfill accounts": "backfill accounts", "x = 1": "x = 1"}
    assert step.words == begins[magic]
    assert step.note.startswith(note)
    assert found.done == (mark == "done")


def test_a_cell_under_the_mark_of_the_stop_is_not_believed_to_be_done(tmp_path):
    mark = {"cell_type": "markdown", "source": "", "metadata": {"tags": [applied_cells.STOPPED]}}
    done = {"status": "completed"}  # what papermill says where the kernel died
    cell = {"cell_type": "code", "execution_count": 3, "outputs": [], "source": "%%sql\nCREATE TABLE t ()"}
    cells = [mark, {**mark, "metadata": {}}, mark, {**cell, "metadata": {"tags": ["apply"], "papermill": done}}]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    assert applied_cells.applied_cells_of(tmp_path, [sample_run.entry(notebook="a.ipynb")])[0].steps[0].mark.word == (
        "broken off"
    )


@pytest.mark.parametrize(
    ("advice", "said"),
    [
        ("runbook rollback --to 2", "Mend the cause, then runbook rollback --to 2 ."),
        (
            "mend the cause and `runbook run --from 2`, or roll back: `runbook rollback --to 2`.",
            "Mend the cause and runbook run --from 2 , or roll back: runbook rollback --to 2 .",
        ),
        (
            "`runbook run --resume`",
            "Mend the cause, then runbook run --resume . "
            "Or give everything back: runbook rollback --environment local .",
        ),
    ],
)  # fmt: skip
def test_the_next_step_is_a_sentence_whatever_words_it_came_in(build, complete, advice, said):
    failed = sample_run.failed(complete)
    failed["failure"]["next"] = advice
    assert words(build(failed).select_one(".next")) == f"Next {said}"


def test_fault_coverage_holds_no_rows_where_there_is_no_record(tmp_path, complete):
    assert fault_coverage.coverage_of(tmp_path, parse_manifest(complete | {"tasks": []})) is fault_coverage.NONE
