"""Names about to be given: one that others have given already is found, whatever it is given to."""

import json

import pytest

from runbook.changes import record
from runbook.notebook.names import new_names, taken_names

NOTEBOOK = "notebooks/07_label_the_shelves.ipynb"
MAKES = """%%sql
CREATE TABLE IF NOT EXISTS tags (x int); -- CREATE TABLE commented (x int)
CREATE OR REPLACE FUNCTION tag(x int) RETURNS int RETURN 1;
CREATE TABLE IF NOT EXISTS runbook.kept AS SELECT 1;
CREATE OR REPLACE TRIGGER tagged AFTER INSERT ON shelves FOR EACH ROW EXECUTE FUNCTION f();
DO $$ BEGIN EXECUTE 'CREATE UNIQUE INDEX CONCURRENTLY by_tag ON tags (x)'; END $$"""


@pytest.fixture
def about_to(toy, open_notebook, toy_cells):
    """The toy, begun; one of its cells makes more than a column."""
    path = toy / NOTEBOOK
    written = json.loads(path.read_text())
    cell = next(one for one in written["cells"] if "apply" in one["metadata"].get("tags", ()))
    cell["source"] = MAKES
    path.write_text(json.dumps(written))
    return open_notebook(toy, *toy_cells[:2])


def test_every_name_is_read_from_the_cells(about_to):
    assert [(one.kind, one.name) for one in new_names(about_to.task)] == [
        ("table", "tags"),
        ("function", "tag"),
        ("trigger", "tagged"),
        ("index", "by_tag"),
    ]
    assert list(taken_names(about_to.task, ())) == []


@pytest.mark.parametrize(
    ("theirs", "name", "remedy"),
    [
        ("CREATE VIEW tags AS SELECT 1 AS x", "view public.tags", 'ALTER VIEW public.tags RENAME TO "tags_before"'),
        ("CREATE DOMAIN by_tag AS int", "domain by_tag", 'ALTER DOMAIN by_tag RENAME TO "by_tag_before"'),
        (
            "CREATE FUNCTION tag(x int) RETURNS int RETURN 2",
            "function public.tag(integer)",
            'ALTER FUNCTION public.tag(integer) RENAME TO "tag_before"',
        ),
    ],
)
def test_a_name_of_others_is_found_with_what_frees_it(about_to, toy, connect, theirs, name, remedy):
    connection = connect(toy)
    connection.execute(theirs)
    found = taken_names(about_to.task, ())
    assert [(row[2].replace("public.by", "by"), row[3].replace("public.by", "by")) for row in found] == [(name, remedy)]
    connection.execute(found[0][3])
    assert list(taken_names(about_to.task, ())) == []


def test_what_is_to_be_replaced_or_is_ours_is_not_taken(about_to):
    about_to.run("%%sql\nCREATE TABLE tags (x int); CREATE FUNCTION tag(x int) RETURNS int RETURN 1")
    assert list(taken_names(about_to.task, ())) == []
    record.forget(about_to.task.ledger.connection, "toy", 7)
    assert [row[1] for row in taken_names(about_to.task, {"tag"})] == ["tags"]
