"""The webhook: it tries again, it never holds up or fails a run, and its address is never told."""

import json
import re
import time

import pytest

from runbook.batch import webhook
from runbook.batch.webhook import Webhook
from tests.support.receiver import SECRET, Receiver

ABOUT = {"environment": "local", "run_id": "R"}
QUICK = (0.01, 0.01, 0.01)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve():
    servers = []

    def start(*statuses):
        servers.append(Receiver(*statuses))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def test_it_is_tried_again_until_it_is_taken(serve):
    server = serve(500, 503)
    hook = Webhook(server.url, ABOUT, QUICK)
    hook.send("start", "Starting Task 7: Label <the> shelves & more", {"task": 7})
    hook.send("complete", "Task 7: ✅ COMPLETE", {"task": 7})
    assert hook.close() == ""
    assert server.requests == 4
    assert [one["text"] for one in server.received] == [
        "Starting Task 7: Label &lt;the&gt; shelves &amp; more",
        "Task 7: ✅ COMPLETE",
    ]
    fields = server.received[0]["attachments"][0]["fields"]
    assert {(one["title"], one["value"]) for one in fields} == {
        ("environment", "local"),
        ("run_id", "R"),
        ("task", "7"),
    }


def test_an_escalation_cannot_be_taken_for_anything_else(serve):
    server = serve()
    hook = Webhook(server.url, ABOUT, QUICK)
    for kind in sorted(webhook.KINDS):
        hook.send(kind, "words", {})
    hook.send("cell", "too fine for a channel", {})
    hook.close()
    assert len(server.received) == len(webhook.KINDS)
    alarms = [one for one in server.received if one["attachments"][0]["color"] == "danger"]
    assert [one["text"] for one in alarms] == ["<!channel> 🚨 words"]
    assert [one for one in server.received if "<!channel>" in one["text"]] == alarms


@pytest.mark.parametrize(
    ("statuses", "complaint"), [((500,) * 9, "HTTP 500"), ((404,) * 9, "HTTP 404"), ((302,) * 9, "HTTP 302")]
)
def test_one_that_refuses_is_told_of_without_its_address(serve, statuses, complaint):
    server = serve(*statuses)
    hook = Webhook(server.url, ABOUT, QUICK)
    hook.send("start", "words", {})
    said = hook.close()
    assert said == f"1 announcement(s) did not reach the webhook ({complaint})."
    assert server.requests == 1 + len(QUICK)


def test_one_that_hangs_holds_nothing_up(serve, monkeypatch):
    server = serve(*[0] * 99)
    monkeypatch.setattr(webhook, "LAST_WAIT", 0.3)
    hook = Webhook(server.url, ABOUT, QUICK)
    begun = time.monotonic()
    for number in range(webhook.WAITING * 3):
        hook.send("start", f"words {number}", {})
    hook.send("escalation", "the last", {})
    assert time.monotonic() - begun < 2
    assert "did not reach the webhook" in hook.close()
    assert time.monotonic() - begun < 5
    kept = [json.loads(body)["text"] for body in hook._queue.queue if body]
    assert len(kept) <= webhook.WAITING
    assert kept[-1].endswith("the last")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/s3cr3t",
        "file:///etc/hostname",
        "s3cr3t",
        "http://",
        "http://[s3cr3t",
        "https://127.0.0.1:1/x",
    ],
)
def test_a_wrong_address_fails_nothing_and_is_not_repeated(url):
    hook = Webhook(url, ABOUT, QUICK)
    hook.send("start", "words", {})
    said = hook.close()
    assert "did not reach the webhook" in said
    assert SECRET not in said
    assert "hostname" not in said


def test_without_an_address_there_is_none(monkeypatch):
    monkeypatch.delenv(webhook.VARIABLE, raising=False)
    assert Webhook.from_environment(ABOUT) is None


@pytest.mark.slow
def test_a_run_announces_itself_and_its_folder_holds_no_address(toy, runbook, serve):
    server = serve(500, 500)
    result = runbook(toy, "run", RUNBOOK_WEBHOOK_URL=server.url)
    assert result.returncode == 0, result.stdout + result.stderr
    texts = [one["text"] for one in server.received]
    assert texts[0] == "Starting Task 7: Label the shelves - ETA: 1 min"
    progress = [found[1] for text in texts if (found := re.match(r"Task 7: (\d\d)% complete - \S", text))]
    assert progress == ["25", "50", "75"]
    assert texts[-2] == "Task 7: ✅ COMPLETE - Labelled shelves"
    assert texts[-1].startswith("Run ")
    assert len(texts) == 6
    assert SECRET not in result.stdout + result.stderr
    left = [path for path in (toy / "outputs").rglob("*") if path.is_file()]
    assert not [path for path in left if SECRET.encode() in path.read_bytes()]


@pytest.mark.slow
def test_a_failed_run_escalates_and_a_hanging_webhook_does_not_stop_it(toy, runbook, serve, connect):
    connect(toy).execute("ALTER TABLE shelves ADD CONSTRAINT obstacle CHECK (shelf < 0) NOT VALID")
    server = serve(200, 200, 200, 200, *[0] * 50)
    result = runbook(toy, "run", RUNBOOK_WEBHOOK_URL=server.url)
    assert result.returncode == 1, result.stdout + result.stderr
    colours = [one["attachments"][0]["color"] for one in server.received]
    assert colours == ["#1f5f99", "#1f5f99", "warning", "danger"]
    assert "did not reach the webhook" in result.stdout
    assert SECRET not in result.stdout + result.stderr
