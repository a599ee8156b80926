"""The Edge Function as it is deployed, run by the real Deno, in front of a database that went through Tasks 0 to 2."""

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from deno import find_deno_bin
from psycopg.conninfo import make_conninfo

from runbook.database import embedded
from runbook.plan.plan import Plan
from tests.support import postgrest
from tests.support.project import PARTS, ROOT

FUNCTION = ROOT / "supabase" / "functions" / "consume-credits"
LOCK = Path(__file__).with_name("deno.lock")
SECRET = "canary-" + uuid.uuid4().hex  # signs the tokens
PUBLIC_KEY = "sb_publishable_" + uuid.uuid4().hex
AUTHENTICATOR = """
    DO $$ BEGIN IF to_regrole('authenticator') IS NULL THEN CREATE ROLE authenticator LOGIN NOINHERIT; END IF; END $$;
    GRANT anon, authenticated, service_role TO authenticator;
"""


class Answer(NamedTuple):
    status: int
    body: Any
    headers: http.client.HTTPMessage


class Edge:
    """A running Edge Function."""

    def __init__(self, port: int, log: Path) -> None:
        self.port, self.log = port, log

    def send(self, method: str, body: bytes | str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, "/consume-credits", body, {k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            content = response.read().decode()
            is_json = response.headers.get_content_type() == "application/json"
            return Answer(response.status, json.loads(content) if is_json else content, response.headers)
        finally:
            connection.close()

    def consume(
        self, organization: str, action: Any = "ai_chat", credits: Any = 1, token: str = "", key: str = ""
    ) -> Answer:
        """Send what the brief's request holds; by default as a member of the organization, without a key."""
        headers = {"Authorization": f"Bearer {token or member(organization)}"}
        if key:
            headers["Idempotency_Key"] = key
        body = {"organization_id": organization, "action_type": action, "credits": credits}
        return self.send("POST", json.dumps(body), **headers)


class Deno:
    """The real Deno, with the packages the function imports, verified against the lock file."""

    locked = ("--frozen", f"--lock={LOCK}", f"--config={FUNCTION / 'deno.json'}")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = {"DENO_DIR": os.environ.get("DENO_DIR", str(folder / "deno")), "NO_COLOR": "1"}
        self.call("cache", *self.locked, str(FUNCTION / "index.ts"))

    def call(self, *arguments: str) -> str:
        command, environment = [find_deno_bin(), *arguments], os.environ | self.cache
        result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout + result.stderr

    @contextmanager
    def serve(self, **environment: str) -> Iterator[Edge]:
        """Run index.ts as it stands: it reaches loopback and the environment given here, and nothing else."""
        log = self.folder / f"edge-{uuid.uuid4().hex}.log"
        command = [find_deno_bin(), "run", "--cached-only", *self.locked, "--allow-net=127.0.0.1", "--allow-env"]
        with (
            log.open("w") as output,
            subprocess.Popen(
                [*command, str(FUNCTION / "index.ts")],
                env=self.cache | {"DENO_SERVE_ADDRESS": "tcp:127.0.0.1:0"} | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            ) as process,
        ):
            try:
                yield Edge(_port(process, log), log)
            finally:
                process.terminate()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    for _ in range(600):
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text()):
            return int(found[1])
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"Deno does not serve: {log.read_text()}")


def member(organization: str, **claims: Any) -> str:
    """Return the token of a signed-in member."""
    given = {"role": "authenticated", "organization_id": organization, "exp": int(time.time()) + 600, **claims}
    return postgrest.token(SECRET, **given)


@pytest.fixture(scope="session")
def migrated(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run Tasks 0 to 2 in a database of its own; yield the URL of its owner."""
    copy = tmp_path_factory.mktemp("edge") / "project"
    for part in PARTS:
        if (ROOT / part).exists():
            (copy / part).parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, copy / part)
    settings = (copy / "runbook.toml").read_text().replace('database = "guardian"', 'database = "edge"')
    (copy / "runbook.toml").write_text(settings)

    command = [sys.executable, "-m", "runbook", "run", "--to", "2"]
    result = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stdout + result.stderr

    environment = Plan.load(copy / "runbook.toml").environment("local")
    url = embedded.provide(copy, environment)
    superuser = make_conninfo(url, user="postgres")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(AUTHENTICATOR)
    yield url
    with psycopg.connect(superuser, autocommit=True) as connection:  # other tests may have killed the server meanwhile
        connection.execute("DROP ROLE authenticator")
    embedded.drop(embedded.start(copy), environment.database)


@pytest.fixture(scope="session")
def deno(state: Path) -> Deno:
    return Deno(state)


@pytest.fixture(scope="session")
def npm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Fetch the CLI once; return what makes npm use it from then on."""
    if not shutil.which("npx"):
        pytest.skip("npx is not installed here: Node.js brings it")
    cache = {"npm_config_cache": str(tmp_path_factory.mktemp("npm"))}
    fetch = ["npx", "--yes", "supabase@3", "--version"]
    fetched = subprocess.run(fetch, env=os.environ | cache, capture_output=True, text=True, timeout=300, check=False)
    if fetched.returncode:
        pytest.skip(f"npx cannot fetch the Supabase CLI here: {fetched.stderr.strip()[-200:]}")
    return cache | {"npm_config_offline": "true"}


@pytest.fixture(scope="session")
def start(migrated: str, deno: Deno) -> Iterator[Callable[..., Edge]]:
    """Start the function in front of the API of the migrated database, or of another; stop it at the end."""
    with ExitStack() as stack:

        def started(conninfo: str = make_conninfo(migrated, user="authenticator"), **environment: str) -> Edge:
            project = stack.enter_context(postgrest.serve(conninfo, SECRET, PUBLIC_KEY))
            keys = {"SUPABASE_PUBLISHABLE_KEYS": json.dumps({"default": PUBLIC_KEY})}
            return stack.enter_context(deno.serve(**({"SUPABASE_URL": project} | (environment or keys))))

        yield started


@pytest.fixture(scope="session")
def edge(start: Callable[..., Edge]) -> Edge:
    return start()


@pytest.fixture
def owner(migrated: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(migrated, autocommit=True) as connection:
        yield connection


@pytest.fixture
def organization(owner: psycopg.Connection) -> str:
    return new_organization(owner)


def new_organization(owner: psycopg.Connection, ai_credits: int = 1500) -> str:
    """Return an organization of the premium plan, born after the migration."""
    born = owner.execute("INSERT INTO organizations (name, plan_name) VALUES ('Edge', 'premium') RETURNING id::text")
    (organization,) = born.fetchone()
    owner.execute("UPDATE organizations SET ai_credits = %s WHERE id = %s", [ai_credits, organization])
    return organization
