"""The Edge Function as it is deployed, run by the real Deno."""

import http.client
import json
import os
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from deno import find_deno_bin

from tests.support import postgrest
from tests.support.project import ROOT

FUNCTION = ROOT / "supabase" / "functions" / "consume-credits"
LOCK = ROOT / "tests" / "edge" / "deno.lock"
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

    def __init__(self, port: int, log: Path, pid: int) -> None:
        self.port, self.log, self.pid = port, log, pid

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
                yield Edge(_port(process, log), log, process.pid)
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
