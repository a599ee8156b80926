"""Step 2.3.2: the command the notebook gives, taken by the real Supabase CLI, as far as it goes without a network."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runbook.plan import cells
from tests.support.project import ROOT

NOTEBOOK = ROOT / "notebooks" / "02_multi_credit_system_migration.ipynb"
FUNCTION = ROOT / "supabase" / "functions" / "consume-credits"
PROJECT = "abcdefghijklmnopqrst"
TOKEN = "sbp_" + "0" * 40
CLOSED = "http://127.0.0.1:9"  # where whatever is not meant for loopback goes
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


class Task:
    """Remembers the command instead of running it."""

    def command(self, arguments: list[str], skip: str = "") -> None:
        self.arguments, self.skip = arguments, skip

    def keep(self, task: "Task", name: str, command: list[str], skip: str = "") -> None:
        self.kept = (name, command)


def of_the_notebook(project: str) -> Task:
    """Run the notebook's own cells, up to the one that deploys."""
    sources = [cell.source for cell in cells.read_cells(NOTEBOOK) if cell.step == "2.3.2" and cell.kind == "code"]
    (last,) = [place for place, source in enumerate(sources) if '"deploy"' in source]
    task = Task()
    exec("\n".join(sources[: last + 1]), {"task": task, "deployed": task, "supabase_project_ref": project})
    return task


def test_without_a_project_it_is_skipped(monkeypatch):
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    assert "supabase_project_ref" in of_the_notebook("").skip


def test_without_a_token_it_is_skipped(monkeypatch):
    monkeypatch.delenv("SUPABASE_ACCESS_TOKEN", raising=False)
    assert "SUPABASE_ACCESS_TOKEN" in of_the_notebook(PROJECT).skip


@pytest.mark.slow
def test_the_notebook_deploys_the_function_as_it_stands(monkeypatch, cli, management):
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    task = of_the_notebook(PROJECT)
    assert task.skip == ""
    result = cli(*task.arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "deprecated" not in result.stderr

    (path, upload) = management[0]
    assert path.startswith(f"/v1/projects/{PROJECT}/functions/deploy?slug=consume-credits")
    for file in ("index.ts", "deno.json"):
        assert (FUNCTION / file).read_bytes() in upload
    metadata = json.loads(b"{" + upload.split(b'name="metadata"')[1].split(b"{", 1)[1].split(b"\r\n")[0])
    assert metadata["verify_jwt"] is False
    assert metadata["entrypoint_path"].endswith("consume-credits/index.ts")
    assert TOKEN not in result.stdout + result.stderr


@pytest.mark.slow
def test_the_command_of_the_brief_is_still_accepted(cli, management):
    result = cli("npx", "supabase@3", "functions", "deploy", "consume-credits", "--project-ref", PROJECT)
    said = result.stdout + result.stderr
    assert f"Target: project {PROJECT}" in said
    assert "Deploy 1 Function" in said  # and there it asks for a yes
    assert management == []


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--remote=short"], ["--project-ref", ""], ["--no-such-option"], []])
def test_the_cli_refuses_what_names_no_project(cli, management, arguments):
    assert cli("npx", "supabase@3", "functions", "deploy", "consume-credits", "--yes", *arguments).returncode != 0
    assert management == []


@pytest.fixture
def cli(npm: dict[str, str], tmp_path: Path, management: list[tuple[str, bytes]]) -> Cli:
    """Run a command in the checkout, with a token, cut off from everything but loopback."""
    environment = npm | {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "SUPABASE_ACCESS_TOKEN": TOKEN,
        "SUPABASE_PROFILE": str(tmp_path / "profile.yaml"),
        "SUPABASE_TELEMETRY_DISABLED": "1",
        "DO_NOT_TRACK": "1",
        "HTTP_PROXY": CLOSED,
        "HTTPS_PROXY": CLOSED,
        "NO_PROXY": "127.0.0.1",
    }
    shutil.copytree(ROOT / "supabase", tmp_path / "supabase")

    def run(*command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def management(tmp_path: Path) -> Iterator[list[tuple[str, bytes]]]:
    """Serve, on loopback, as much of Supabase's management API as a deployment asks for; yield what was posted."""
    posted: list[tuple[str, bytes]] = []
    deployed = {"id": "1", "slug": "consume-credits", "name": "consume-credits", "status": "ACTIVE", "version": 1}
    deployed |= {"created_at": 0, "updated_at": 0}

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, [])

        def do_POST(self) -> None:
            posted.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.answer(201, deployed)

        def answer(self, status: int, content: object) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        profile = {"name": "loopback", "api_url": address, "dashboard_url": address, "project_host": "localhost"}
        (tmp_path / "profile.yaml").write_text(json.dumps(profile))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield posted
        server.shutdown()
