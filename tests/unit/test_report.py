import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from bs4 import BeautifulSoup
from tests.support import sample_run
from tests.support.sample_run import words

from runbook import formatting
from runbook.errors import UsageError
from runbook.evidence.model import CheckEntry, TaskEntry
from runbook.report import gates, notebook_html, report, timeline
from runbook.report.notes import Note, sort_notes

# The verdict


def test_a_complete_run_says_so_first(build, complete):
    page = build(complete)
    assert words(page.select_one(".verdict.good")).startswith("✓ Complete 6 of 6 gates open: 24 of 24 success criteria")
    assert "none of 24 rollback triggers fired, 24 of 24 checks passed" in words(page.select_one(".verdict"))
    assert [words(remark) for remark in page.select(".remarks li")] == [
        "✓ The results equal the expected ones (120 cells compared, strict).",
        "✓ Faults were injected with the content of this run: "
        "2 of 2 seeded faults caught by the very check that is for it.",
    ]
    assert words(page.title) == f"Complete · local · {sample_run.RUN_ID}"
    assert page.select_one(".stop") is None


def test_what_was_accepted_stands_in_the_verdict(build, complete):
    complete["tasks"][1]["checks"][0] |= {"accepted": "3 rows accepted by Ada Lovelace, because history was pruned"}
    page = build(complete)
    assert words(page.select_one(".verdict")).endswith("checks passed, 1 of them because what they found was accepted.")
    name = complete["tasks"][1]["checks"][0]["name"]
    assert f"! “{name}”: 3 rows accepted by Ada Lovelace, because history was pruned." in map(
        words, page.select(".remarks li")
    )
    assert "! accepted" in {words(mark) for mark in page.select(".verdict-word")}


def test_the_verdict_begins_with_what_the_run_came_to(build, complete):
    complete["tasks"][2]["outcome"] = "5,000 shelves moved; books 1,000 → 1,100"
    complete["tasks"][1]["checks"][0] |= {"accepted": "3 rows accepted by Ada Lovelace, because history was pruned"}
    said = words(build(complete).select_one(".verdict"))
    assert "5,000 shelves moved; books 1,000 → 1,100; 1 finding accepted. 6 of 6 gates open" in said


def test_a_rollback_says_what_it_came_to(build, complete):
    complete |= {"status": "rolled_back", "comparison": None}
    complete["tasks"][2] |= {"status": "rolled_back", "outcome": "5,000 shelves moved back"}
    assert "5,000 shelves moved back. What Task 2 had changed was given back." in words(
        build(complete).select_one(".verdict")
    )


def test_the_facts_are_there(build, complete):
    facts = dict(
        zip(*(map(words, build(complete).select_one(".facts").find_all(tag)) for tag in ("dt", "dd")), strict=True)
    )
    assert facts == {
        "Environment": "local",
        "Run": sample_run.RUN_ID,
        "Operator": "Ada Lovelace",
        "Approved by": "automatic",
        "Started": "2026-11-22 09:59:13 UTC",
        "Finished": "2026-11-22 09:59:35 UTC",
        "Duration": "21.9 s, estimated: 3 h 45 min",
        "Seal": "statement.json, with this page in it",
        "Target": "PostgreSQL 18.6, database guardian, as guardian, 31.5 MB",
    }


def test_a_protected_environment_cannot_be_missed(build, complete):
    complete |= {"environment": "production", "protected": True}
    assert words(build(complete).select_one(".facts dd")) == "production ! protected"


def test_a_failed_run_says_what_failed_what_was_not_done_and_what_to_do(build, complete):
    page = build(sample_run.failed(complete))
    assert words(page.select_one(".verdict.bad")) == (
        "✗ Failed Stopped in Task 2 · Multi-Credit System Migration. "
        "Tasks 0 and 1 are complete. Tasks 3 to 5 are not run."
    )
    stop = page.select_one(".stop")
    assert words(stop.h2) == "What failed: Task 2 · Multi-Credit System Migration"
    assert words(stop.b) == "The gate is shut."
    assert "nobody is left without an allocation expected no rows , found 3 rows" in words(stop.select_one(".checks"))
    assert stop.a["href"] == "02_multi_credit_system_migration.html#papermill-error-cell"
    assert [code.string for code in page.select(".next code")] == [
        "runbook run --environment local --resume",
        "runbook rollback --environment local",
    ]


def test_a_run_of_the_first_tasks_says_how_to_go_on(build, complete):
    for task in complete["tasks"][1:]:
        task |= {"status": "not_run", "checks": [], "notes": {}}
    assert [code.string for code in build(complete).select(".next code")] == [
        "runbook run --environment local -p workers 4",
        "runbook rollback --environment local",
    ]


def test_every_table_can_be_scrolled_on_a_narrow_screen(build, complete):
    for facts in (complete, sample_run.failed(complete)):
        tables = build(facts).select("table")
        assert tables
        assert all(table.find_parent(class_="scroll") for table in tables)


def test_a_failed_check_is_said_once_and_what_it_decides_stands_folded(build, complete):
    page = build(sample_run.failed(complete))
    assert page.select(".decision[open]") == []
    assert [words(one)[:9] for one in page.select(".decision > summary") if words(one)[0] == "✗"][-2:] == [
        "✗ not met",
        "✗ FIRED D",
    ]
    assert words(page.select(".gate h3")[-1]) == "Task 2 · Multi-Credit System Migration ✗ gate shut"
    assert len([one for one in page.select(".decision") if "? undecided" in words(one)]) == 4


def test_a_wrong_decision_that_nothing_else_tells_stands_unfolded(build, complete):
    failed = sample_run.failed(complete)
    failed |= {"status": "complete", "failure": None}
    unfolded = [words(one.summary)[:9] for one in build(failed).select(".decision[open]")]
    assert unfolded == ["✗ not met", "✗ FIRED D"]


def test_a_run_that_was_rolled_back_says_what_was_given_back(build, complete):
    complete |= {"status": "rolled_back", "comparison": None}
    proof = complete["tasks"][0]["checks"][0] | {"name": "all is given back", "criterion": None, "trigger": None}
    for task in complete["tasks"]:
        task |= {"status": "rolled_back", "checks": [proof], "notes": {}, "notebook": f"rollback_{task['notebook']}"}
        task["criteria"] = [{**one, "met": None} for one in task["criteria"]]
        task["triggers"] = [{**one, "fired": None} for one in task["triggers"]]
    page = build(complete)
    assert words(page.select_one(".verdict.info")) == "↩ Rolled back What Tasks 0 to 5 had changed was given back."
    assert [words(one).startswith("✓ pass all is given back") for one in page.select(".checks li")] == [True] * 6
    assert page.select(".gate, #gates, .decision") == []
    assert "estimated" not in words(page.select_one(".facts"))
    assert page.select_one(".next code").string == "runbook run --environment local -p workers 4"


def test_a_run_without_an_end_is_unfinished(build, complete):
    complete |= {"status": "running", "finished_at": None, "comparison": None}
    complete["tasks"][5] |= {"status": "running", "finished_at": None, "notebook": None, "sha256": None}
    page = build(complete)
    assert words(page.select_one(".verdict.warn")) == (
        "! Unfinished The run ended without a verdict. Tasks 0 to 4 are complete. Task 5 is interrupted."
    )
    assert page.select_one(".next code").string == "runbook run --environment local --resume"


def test_results_that_differ_fail_a_run(build, complete):
    complete["status"] = "failed"
    complete["comparison"]["passed"] = False
    complete["comparison"]["notebooks"][3] |= {"passed": False, "differences": ["cell 12: expected '1', found '2'"]}
    page = build(complete)
    assert "Every gate opened, but the results are not the expected ones." in words(page.select_one(".verdict"))
    assert page.select_one(".next code").string == "runbook run --environment local --keep-expected"
    assert "✗ The results differ from the expected ones in 03_rls_policies_testing.ipynb." in words(
        page.select_one(".remarks")
    )
    assert "cell 12: expected '1', found '2'" in words(page)


def a_check_failed(manifest):
    manifest["tasks"][1]["checks"][0]["passed"] = False


def a_trigger_fired(manifest):
    manifest["tasks"][1]["triggers"][0]["fired"] = True


def a_criterion_is_undecided(manifest):
    manifest["tasks"][1]["criteria"][0]["met"] = None


def a_task_failed(manifest):
    manifest["tasks"][1]["status"] = "failed"


def a_result_differs(manifest):
    manifest["comparison"]["passed"] = False


@pytest.mark.parametrize(
    "spoil", [a_check_failed, a_trigger_fired, a_criterion_is_undecided, a_task_failed, a_result_differs]
)
def test_a_manifest_is_not_believed_that_its_run_went_well(build, complete, spoil):
    spoil(complete)
    assert words(build(complete).select_one(".verdict.bad h1")) == "Complete, but not proven"


def test_tasks_left_out_are_named(build, complete):
    for task in complete["tasks"][:2]:
        task |= {
            "status": "not_run",
            "started_at": None,
            "finished_at": None,
            "notebook": None,
            "checks": [],
            "notes": {},
        }
        task["criteria"] = [{**one, "met": None} for one in task["criteria"]]
        task["triggers"] = [{**one, "fired": None} for one in task["triggers"]]
    page = build(complete)
    assert words(page.select_one(".verdict.good")).startswith("✓ Complete 4 of 4 gates open")
    assert "! Tasks 0 and 1 were not part of this run." in words(page.select_one(".remarks"))


# The page


@pytest.mark.parametrize("change", [lambda run: run, sample_run.failed])
def test_a_report_needs_no_network_and_runs_nothing(build, complete, change):
    page = build(change(complete))
    assert sample_run.outward(str(page)) == []
    assert page.html["lang"] == "en"


@pytest.mark.parametrize("change", [lambda run: run, sample_run.failed])
def test_headings_skip_no_level(build, complete, change):
    levels = [int(heading.name[1]) for heading in build(change(complete)).find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("change", [lambda run: run, sample_run.failed])
def test_every_link_leads_somewhere(build, complete, change, tmp_path):
    page = build(change(complete))
    for link in page.find_all("a"):
        name, _, anchor = link["href"].partition("#")
        target = (
            BeautifulSoup((tmp_path / "run" / name).read_text(encoding="utf-8"), "html.parser")
            if anchor and name
            else page
        )
        assert not name or (tmp_path / "run" / name).is_file()
        assert not anchor or target.find(id=anchor), link


def test_every_image_has_a_text_and_charts_stand_under_their_task(build, complete):
    page = build(complete)
    figures = page.select("figure")
    assert len(figures) == len(complete["tasks"])
    assert {figure.img["alt"] for figure in figures} == {sample_run.ALT}
    assert words(figures[0].figcaption) == "Allocation by plan, before and after."
    assert [words(h3) for h3 in page.select("#charts ~ h3")] == [
        f"Task {t['number']} · {t['name']}" for t in complete["tasks"]
    ]
    assert all(svg.get("aria-label") or svg.get("aria-hidden") for svg in page.find_all("svg"))


def test_every_criterion_trigger_and_check_is_there(build, complete):
    page = build(complete)
    shown = [words(one.summary.find_all("span")[1]) for one in page.select(".decision")]
    wanted = [one["name"] for task in complete["tasks"] for kind in ("criteria", "triggers") for one in task[kind]]
    assert shown == [" ".join(name.split()) for name in wanted]
    text = words(page)
    assert all(f"{check['name']} expected" in text for task in complete["tasks"] for check in task["checks"])


def test_origin_and_digests_are_there(build, complete):
    text = words(build(complete))
    for fact in (complete["digest"], complete["tasks"][3]["sha256"], "ipython-sql 0.5.0", "workers 4", "strict"):
        assert fact in text


def test_the_journal_leaves_out_cells_and_half_a_line(build, complete):
    rows = build(complete).select("#journal ~ details tbody tr")
    assert [words(row.find_all("td")[1]) for row in rows] == ["run", "start", "escalation"]


def test_text_is_text(build, complete):
    complete |= {"operator": "<script>alert(1)</script>", "parameters": {"x": "<b>"}}
    complete["tasks"][0]["checks"][0]["actual"] = "<img src=x>"
    page = build(complete)
    assert page.find("script") is None
    assert "<script>alert(1)</script>" in words(page)
    assert "<img src=x>" in words(page)


def test_a_rebuilt_report_is_the_same(build, complete):
    assert str(build(complete)) == str(build(complete))


@pytest.mark.parametrize(("content", "message"), [(None, "holds no manifest"), ("{", "manifest.json is damaged")])
def test_a_folder_without_a_manifest_is_refused(plan, tmp_path, content, message):
    if content:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(UsageError, match=message):
        report.build_report(tmp_path)


def test_a_folder_with_nothing_but_a_manifest_makes_a_report(plan, tmp_path, complete):
    (tmp_path / "manifest.json").write_text(json.dumps(complete))
    page = BeautifulSoup(report.build_report(tmp_path).read_text(encoding="utf-8"), "html.parser")
    assert [words(row.td) for row in page.select("#seal ~ .scroll tbody tr")] == ["missing"] * 6


def themes() -> dict[str, dict[str, str]]:
    """Return the colours of each theme by their names."""
    style = (notebook_html.TEMPLATES / "style.css").read_text(encoding="utf-8")
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", part)) for part in style.split("@media", 2)[:2])
    return {"light": light, "dark": light | dark}


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", themes().values(), ids=themes())
@pytest.mark.parametrize("ink", ["ink", "muted", "good", "bad", "warn", "info", "name"])
def test_colours_can_be_read(ink, colours):
    papers = ["paper", "code", *([f"{ink}-tint", "on"] if f"{ink}-tint" in colours else [])]
    assert all(contrast(colours[ink], colours[paper]) >= 4.5 for paper in papers)


def test_highlighted_code_has_the_colours_of_its_theme():
    style = (notebook_html.TEMPLATES / "notebook.css").read_text(encoding="utf-8")
    inks = re.findall(r"^\.[\w, .-]+ \{ color: var\(--(\w+)\)", style, re.M)
    assert len(inks) >= 5
    assert not set(inks) - set(themes()["dark"])
    assert not re.search(r"#[0-9a-f]{3}", style)


# Its parts


def moment_after(seconds: float) -> str:
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()


def task(number: int, start: float | None, seconds: float = 0) -> TaskEntry:
    return sample_run.entry(
        number,
        started_at=None if start is None else moment_after(start),
        finished_at=None if start is None else moment_after(start + seconds),
    )


def test_a_demonstration_has_a_scale_of_its_own():
    found = timeline.timeline_of([task(0, 0, 1.5), task(1, 2, 3)], None, 1.5)
    assert not found.shares_scale
    assert [label for _, label in found.ticks] == ["0", "1 s", "2 s", "3 s", "4 s", "5 s"]
    assert [(row.actual.start, row.actual.width) for row in found.rows] == [(0, 30), (40, 60)]
    assert [row.share_text for row in found.rows] == ["0.17 %", "0.33 %"]
    assert all(row.allowed is None for row in found.rows)


def test_a_real_run_shares_the_scale_of_its_estimates():
    found = timeline.timeline_of([task(0, 0, 900), task(1, 900, 1200), task(2, 2100, 1500), task(3, None)], None, 1.5)
    assert found.shares_scale
    assert [row.tone for row in found.rows] == ["good", "warn", "bad", "none"]
    assert [row.allowed.width if row.allowed else None for row in found.rows] == [25, 25, 25, None]
    assert found.rows[3].alt == "Task 3 did not run"
    assert found.rows[2].alt == "Task 2 took 25 min, 167 % of its estimate of 15 min"
    assert (found.took, found.estimate) == ("1 h", "45 min")


@pytest.mark.parametrize("seconds", [0, 0.004, 1, 59, 61, 3599, 3601, 86399, 5 * 86400])
def test_an_axis_has_few_ticks_and_holds_every_bar(seconds):
    found = timeline.timeline_of([task(0, 0, seconds)], None, 1.5)
    assert 2 <= len(found.ticks) <= 8
    assert found.ticks[0][0] == 0
    assert found.ticks[-1][0] == pytest.approx(100)
    bar = found.rows[0].actual
    assert bar is not None
    assert bar.start + bar.width <= 101


def test_a_timeline_of_nothing_stands():
    assert timeline.timeline_of([task(0, None)], None, 1.5).share_text == "–"


def test_notes_of_two_sides_belong_together():
    before, after = {"free": 100, "paid": 5}, {"free": 110, "paid": 5}
    found = sort_notes(
        [sample_run.entry(1, notes={"credits before": before}), sample_run.entry(2, notes={"credits after": after})]
    )
    (difference,) = found.differences
    assert (difference.name, difference.summary) == ("credits", "1 of 2 changed")
    assert difference.rows == (("free", "100", "110", "+10 (+10%)"), ("paid", "5", "5", "–"))


def test_long_texts_of_two_sides_become_a_diff():
    notes = {"schema_before": "a\nb\nc\n", "schema_after": "a\nB\nc\nd\n"}
    (difference,) = sort_notes([sample_run.entry(1, notes=notes)]).differences
    assert difference.summary == "2 lines added, 1 line removed"
    assert difference.lines == ("@@ -1,3 +1,4 @@", " a", "-b", "+B", " c", "+d")


def test_what_did_not_change_is_said_to_be_unchanged():
    (difference,) = sort_notes([sample_run.entry(1, notes={"before digest": "1:2", "after digest": "1:2"})]).differences
    assert (difference.name, difference.summary, difference.rows) == ("digest", "unchanged", ())


def test_one_side_alone_is_a_note():
    found = sort_notes(
        [sample_run.entry(1, notes={"digest before": "1:2", "approval": {"approver": "x"}})], skip=("approval",)
    )
    assert found.notes == [Note(1, "digest before", text="1:2")]


def test_notes_are_shown_by_their_shape():
    measured, compared = sample_run.NOTES[0]["credit check"], sample_run.NOTES[2]["consumption"]
    notes = {"a": measured, "b": compared, "c": [{"x": 1, "y": "z"}] * 25, "d": "long\ntext", "e": True, "f": None}
    found = sort_notes([sample_run.entry(4, notes=notes)])
    assert (found.measurements, found.comparisons) == ([(4, measured)], [(4, compared)])
    table, folded, yes, nothing = found.notes
    assert (table.columns, table.numeric, len(table.rows), table.more) == (("x", "y"), (True, False), 20, 5)
    assert (folded.folded, yes.text, nothing.text) == ("long\ntext", "yes", "–")


def test_a_note_says_when_as_people_do_and_an_empty_one_says_nothing():
    notes = {"tried": {"made_at": "2026-11-22T10:59:13+01:00", "by": "a"}, "remark": ""}
    found = sort_notes([sample_run.entry(0, notes=notes)])
    assert found.notes == [Note(0, "tried", text="made_at 2026-11-22 09:59:13 UTC · by a")]
    assert formatting.value("2026-11-22") == "2026-11-22"


def test_a_check_that_decides_nothing_is_not_lost():
    check = CheckEntry("n", "1", "2", passed=False, criterion=None, trigger=None)
    gate = gates.gate_of(sample_run.entry(0, checks=[check, check]))
    assert [one.name for one in gate.others] == ["n", "n"]
    assert [one.name for one in gate.failed] == ["n"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "–"), (0.042, "0.04 s"), (1.04, "1.0 s"), (59.94, "59.9 s"), (59.97, "1 min"), (61, "1 min 01 s"),
     (600, "10 min"), (3599.6, "1 h"), (7500, "2 h 05 min"), (90000, "25 h")],
)  # fmt: skip
def test_durations_are_said(seconds, said):
    assert formatting.duration(seconds) == said


@pytest.mark.parametrize(
    ("ratio", "said"), [(0, "0 %"), (0.00085, "0.085 %"), (0.012, "1.2 %"), (0.5, "50 %"), (12.5, "1,250 %")]
)
def test_shares_are_said(ratio, said):
    assert formatting.share(ratio) == said


@pytest.mark.parametrize(
    ("count", "said"), [(None, "–"), (0, "0 B"), (999, "999 B"), (31_457_280, "31.5 MB"), (2.5e12, "2.5 TB")]
)
def test_sizes_are_said(count, said):
    assert formatting.size(count) == said


@pytest.mark.parametrize(
    ("numbers", "said"),
    [([2], "Task 2"), ([1, 0], "Tasks 0 and 1"), ([3, 4, 5], "Tasks 3 to 5"), ([0, 2, 5], "Tasks 0, 2 and 5")],
)
def test_tasks_are_said(numbers, said):
    assert formatting.tasks(numbers) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (True, "yes"), (False, "no"), (0, "0"), (1234567, "1,234,567"), (0.5, "0.5"), (2.0, "2"), (0.0, "0"),
     (1e-7, "1e-07"), ("x", "x"), ([1, 2], "1, 2"), ({"a": 1, "history": [[1, 2]]}, "a 1"),
     (list(range(9)), "9 values")],
)  # fmt: skip
def test_values_are_said(value, said):
    assert formatting.value(value) == said


def test_moments_are_said_in_one_zone():
    assert formatting.moment("2026-11-22T10:59:13.572+01:00") == formatting.moment("2026-11-22T09:59:13Z")
    assert formatting.moment(None) == "–"
