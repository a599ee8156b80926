"""Expected results: what the comparison lets pass, and what it must not."""

import copy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from runbook.errors import UsageError
from runbook.evidence import expected


def cell(source: str, text: str, *tags: str, image: bool = False):
    data = {"text/plain": text} | ({"image/png": "iVBORw0KGgo="} if image else {})
    output = new_output("execute_result", data, execution_count=1)
    return new_code_cell(source, outputs=[output], execution_count=1, metadata={"tags": list(tags)})


def notebook():
    return new_notebook(
        cells=[
            new_markdown_cell("# Shelves"),
            cell("count", "300 shelves"),
            cell("checked", "all labelled", expected.CHECK),
            cell("time", "0.42 s", expected.IGNORE),
            cell("chart", "<Image>", image=True),
        ]
    )


@pytest.fixture
def compare(tmp_path):
    """Compare a notebook with the expected one."""

    def with_expected(found, strict: bool = True):
        nbformat.write(notebook(), tmp_path / "expected.ipynb")
        nbformat.write(found, tmp_path / "found.ipynb")
        return expected.compare_notebooks(tmp_path / "found.ipynb", tmp_path / "expected.ipynb", strict=strict)

    return with_expected


def test_the_parameters_of_the_run_are_no_difference(compare):
    found = notebook()
    found.cells.insert(2, cell("environment = 'staging'", "", "injected-parameters"))
    assert compare(found, strict=False).passed


def altered(number: int, change):
    """The notebook with one code cell (counted from 1) changed."""
    found = copy.deepcopy(notebook())
    change(found.cells[number])
    return found


def say(text: str):
    return lambda one: one.outputs[0].data.update({"text/plain": text})


@pytest.mark.parametrize(("strict", "compared"), [(True, 3), (False, 1)])
def test_equal_notebooks_pass(compare, strict, compared):
    result = compare(notebook(), strict)
    assert result.passed
    assert (result.cells, result.compared, result.ignored) == (4, compared, 1)


@pytest.mark.parametrize(
    ("number", "change", "difference"),
    [
        (1, say("301 shelves"), "cell 1: text/plain: expected '300 shelves', found '301 shelves'"),
        (1, lambda one: one.update(source="sum"), "cell 1: its source differs"),
        (3, lambda one: one.update(source="clock"), "cell 3: its source differs"),
        (1, lambda one: one.update(execution_count=None), "cell 1: it was not executed"),
        (3, lambda one: one.update(execution_count=None), "cell 3: it was not executed"),
        (4, lambda one: one.outputs[0].data.pop("image/png"), "cell 4: 1 image(s) are missing"),
        (3, lambda one: one.outputs.append(new_output("error", ename="StepFailed")), "cell 3: it raised StepFailed"),
        (1, lambda one: one.update(outputs=[]), "cell 1: "),
    ],
)
def test_a_difference_is_found_and_named(compare, number, change, difference):
    result = compare(altered(number, change))
    assert not result.passed
    assert result.differences[0].startswith(difference)
    assert len(result.differences) == 1


def test_what_varies_is_not_compared(compare):
    assert compare(altered(3, say("0.43 s"))).passed


@pytest.mark.parametrize(("number", "passed"), [(1, True), (2, False)])
def test_elsewhere_only_what_is_tagged_is_compared(compare, number, passed):
    assert compare(altered(number, say("another")), strict=False).passed is passed


def test_what_is_printed_may_arrive_in_pieces(tmp_path):
    for name, pieces in (("found", ["CREATE ", "VIEW\n"]), ("wanted", ["CREATE VIEW\n"])):
        outputs = [new_output("stream", name="stdout", text=piece) for piece in pieces]
        said = new_code_cell("make", outputs=outputs, execution_count=1)
        nbformat.write(new_notebook(cells=[said]), tmp_path / f"{name}.ipynb")
    assert expected.compare_notebooks(tmp_path / "found.ipynb", tmp_path / "wanted.ipynb", strict=True).passed


def test_a_cell_less_is_a_difference(compare):
    found = notebook()
    del found.cells[4]
    assert compare(found).differences == ["cell 0: expected 4 code cells, found 3"]


def test_a_difference_deep_in_a_long_output_is_shown(compare, tmp_path):
    long = notebook()
    say("x" * 500 + " 1 " + "y" * 500)(long.cells[1])
    other = copy.deepcopy(long)
    say("x" * 500 + " 2 " + "y" * 500)(other.cells[1])
    nbformat.write(long, tmp_path / "a.ipynb")
    nbformat.write(other, tmp_path / "b.ipynb")
    (difference,) = expected.compare_notebooks(tmp_path / "b.ipynb", tmp_path / "a.ipynb", strict=True).differences
    assert "x 1 y" in difference
    assert "x 2 y" in difference
    assert len(difference) < 500


def test_sanitizers_cover_what_may_differ(compare, tmp_path):
    (tmp_path / expected.SANITIZERS).write_text("[number]\nregex: \\d+ shelves\nreplace: N shelves\n")
    assert compare(altered(1, say("301 shelves"))).passed
    assert not compare(altered(1, say("301 chairs"))).passed


def test_what_is_kept_holds_no_time_and_no_place(tmp_path):
    executed = notebook()
    executed.metadata["papermill"] = {"output_path": "/somewhere"}
    executed.cells[1].metadata["papermill"] = {"start_time": "now"}
    nbformat.write(executed, tmp_path / "executed.ipynb")
    expected.keep_expected(tmp_path / "executed.ipynb", tmp_path / "deep" / "kept.ipynb")
    kept = nbformat.read(tmp_path / "deep" / "kept.ipynb", 4)
    assert "papermill" not in nbformat.writes(kept)
    assert kept.cells[2].metadata == {"tags": [expected.CHECK]}
    assert expected.compare_notebooks(tmp_path / "executed.ipynb", tmp_path / "deep" / "kept.ipynb", strict=True).passed


@pytest.mark.parametrize(("content", "complaint"), [(None, "There is no notebook"), ("{", "is no notebook")])
def test_what_is_no_notebook_is_said(tmp_path, content, complaint):
    path = tmp_path / "found.ipynb"
    if content:
        path.write_text(content)
    with pytest.raises(UsageError, match=complaint):
        expected.compare_notebooks(path, path, strict=True)
