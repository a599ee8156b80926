"""Tasks that change nothing: what their session may do, and what is noticed that they have changed all the same."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import psycopg
import pytest

from runbook.database import embedded
from runbook.errors import StepFailed, UsageError
from runbook.notebook import http_service
from runbook.notebook.memory_use import compare_memory
from tests.support.promises import NOTEBOOK


@pytest.fixture
def reading(toy, open_notebook, toy_cells):
    """The toy's notebook without a cell that changes the target, begun."""
    notebook = json.loads((toy / NOTEBOOK).read_text(encoding="utf-8"))
    notebook["cells"] = [cell for cell in notebook["cells"] if "apply" not in cell["metadata"].get("tags", ())]
    (toy / NOTEBOOK).write_text(json.dumps(notebook), encoding="utf-8")
    return open_notebook(toy, *toy_cells[:2])


def what_changed(notebook) -> list[str]:
    return [row["what"] for row in notebook.run("task.unchanged()").dicts() if not row["as_before"]]


def test_its_session_only_reads(reading):
    with pytest.raises(StepFailed, match="read-only transaction"):
        reading.run("%%sql\nUPDATE shelves SET room = 'attic'")


def test_it_may_probe_and_make_views_of_its_own(reading):
    reading.run("%%sql --probe\nUPDATE shelves SET room = 'attic'", "%%sql\nCREATE TEMP VIEW ladders AS SELECT 1")
    assert "1" in repr(reading.run("%%sql\nTABLE ladders"))
    assert what_changed(reading) == []
    with pytest.raises(StepFailed, match="read-only transaction"):
        reading.run("%%sql\nDELETE FROM shelves")


@pytest.mark.parametrize("end", ["COMMIT", "COMMIT; BEGIN", "COMMIT AND CHAIN"])
def test_a_probe_that_commits_is_no_probe(reading, end):
    with pytest.raises(StepFailed, match="ended its own transaction"):
        reading.run(f"%%sql --probe\nUPDATE shelves SET room = 'attic'; {end}")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ("GRANT TRUNCATE ON shelves TO PUBLIC", ["schema", "rights"]),
        ("ALTER TABLE shelves ALTER room SET STATISTICS 7", ["schema"]),
        ("ALTER ROLE CURRENT_USER IN DATABASE toy SET work_mem = '1MB'", ["settings"]),
        ("CREATE SCHEMA attic", ["rights"]),
        ("UPDATE shelves SET room = 'attic' WHERE shelf = 1", ["content"]),
    ],
)
def test_what_has_changed_is_named(reading, changes, what):
    reading.task.ledger.connection.execute(changes)
    assert [one for one in what_changed(reading) if one in what] == what


def test_content_is_not_compared_where_somebody_else_may_write(reading, connect, toy):
    change = "UPDATE shelves SET room = 'attic' WHERE shelf = 1"
    with connect(toy) as other:
        other.execute(change)
        assert what_changed(reading) == []


def test_a_task_that_may_change_the_target_is_not_held_to_it(begun):
    assert len(begun.run("task.unchanged()")) == 0


@pytest.fixture
def measured(begun):
    """A task that may read how much memory its sessions hold."""
    url = embedded.url(embedded.start(begun.task.plan.root), "toy", "postgres")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("GRANT pg_read_all_stats TO librarian")
    return begun.task


@pytest.mark.parametrize(("looks", "is_fine"), [(1, True), (9, False)])
def test_pages_that_a_statement_touches_at_some_looks_only_are_noise(measured, looks, is_fine):
    measured.connection.execute("CREATE SEQUENCE calls")
    dear = "CASE WHEN nextval('calls') <= {} THEN (SELECT count(ctid) FROM pg_attribute) END"
    rows = compare_memory(measured, {"a": ("SELECT 1", f"SELECT {dear.format(21 * looks)}")}, most=2.0).dicts()
    assert [row["no_issue"] for row in rows if row["figure"] == "pages"] == [is_fine]


def test_memory_held_by_one_statement_alone_is_noticed(measured):
    hoards = "SELECT set_config('app.hoard', repeat('x', 8000000), false)"
    rows = compare_memory(measured, {"a": ("SELECT 1", "SELECT 2"), "b": ("SELECT 1", hoards)}, most=2.0).dicts()
    assert [(row["statement"], row["figure"]) for row in rows if not row["no_issue"]] == [("b", "held")]


@pytest.fixture
def service():
    """The address of a service that answers with what it was asked, and refuses a POST."""

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200)

        def do_POST(self) -> None:
            self.answer(402)

        def answer(self, status: int) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("X-Version", "7")
            self.end_headers()
            said = {"asked": body.decode(), "token": self.headers.get("Authorization")}
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Service)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_service_is_asked_and_its_refusal_is_an_answer(service):
    read, refused = http_service.ask(service), http_service.ask(service, {"shelf": 1}, "secret")
    assert (read.status, read.headers["x-version"]) == (200, "7")
    assert (refused.status, refused.said) == (402, {"asked": '{"shelf": 1}', "token": "Bearer secret"})


def test_nobody_at_an_address_is_said_and_no_address_is_refused():
    assert http_service.ask("http://127.0.0.1:1/").status == 0
    with pytest.raises(UsageError, match="no address of a service"):
        http_service.ask("file:///etc/passwd")


def test_a_finding_is_told_in_words_and_without_the_verdict_that_all_its_rows_share(reading):
    query = (
        "SELECT 'may act as ' || name AS what, 'GRANT ' || name AS what_to_do, false AS fits, false AS fine "
        "FROM unnest('{a,b}'::text[]) AS name"
    )
    reading.run(f"%%check the role has what it needs: all true\n-- trigger: A shelf without a label\n{query}")
    (found,) = reading.task.findings
    assert found.summary()["rows"] == [["may act as a", "GRANT a", "no"], ["may act as b", "GRANT b", "no"]]
    assert found.remedy == "GRANT a"
