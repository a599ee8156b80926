"""Edge: what the Edge Function itself adds to a call, by the real Deno. On demand.

Behind it stands the tests' stand-in for PostgREST, which shares this process with the clients. So the seconds of a call
are theirs as well; what Deno's own process costs is its processor time.
"""

import http.client
import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg.conninfo import make_conninfo
from tests.support import postgrest
from tests.support.edge import AUTHENTICATOR, PUBLIC_KEY, SECRET, Deno, member

from bench.figures import Finding, Options, Part, Sample, Say, interleave
from bench.place import Place
from bench.project import Project

CLIENTS = (8, 64)
THROUGH, DIRECT = "through the Edge Function", "the API alone"
UNITS = {"deno_ms": "ms of a processor", "ms": "ms", "calls": "calls/s"}
TENANTS = """
    UPDATE organizations SET ai_credits = 1000000000
    WHERE id IN (SELECT id FROM organizations WHERE status = 'active' ORDER BY id LIMIT 64)
    RETURNING id::text
"""


def run(options: Options, place: Place, say: Say) -> Part:
    """Consume through the function and without it, with 8 and 64 clients, each of an organization of its own."""
    seconds = 1.0 if options.quick else 5.0
    with TemporaryDirectory(prefix="bench-") as name:
        project = Project(place, Path(name))
        say("one run")
        project.runbook("run", "--fresh", "--to", "2")
        with psycopg.connect(make_conninfo(project.url, user="postgres"), autocommit=True) as admin:
            admin.execute(AUTHENTICATOR)
            tenants = [row[0] for row in admin.execute(TENANTS)]
        owner = make_conninfo(project.url, user="authenticator")
        keys = {"SUPABASE_PUBLISHABLE_KEYS": json.dumps({"default": PUBLIC_KEY})}
        with (
            postgrest.serve(owner, SECRET, PUBLIC_KEY) as api,
            Deno(Path(name)).serve(**{"SUPABASE_URL": api} | keys) as edge,
        ):
            ports = {THROUGH: edge.port, DIRECT: urlsplit(api).port}
            subjects = {
                f"{way}, {clients} clients": partial(_ask, port, way, tenants[:clients], edge.pid, seconds)
                for clients in CLIENTS
                for way, port in ports.items()
            }
            samples = interleave(subjects, options.times(5, 1), options.patience, say)
    findings = []
    for clients in CLIENTS:
        ours = samples[f"{THROUGH}, {clients} clients"]
        findings += [
            Finding(f"Deno, a call of {clients} clients", [one["deno_ms"] for one in ours], "ms of a processor"),
            Finding.ratio(
                f"a call, {clients} clients: {THROUGH} / {DIRECT}",
                samples,
                f"{THROUGH}, {clients} clients",
                f"{DIRECT}, {clients} clients",
                "ms",
            ),
        ]
    return Part("edge", "The Edge Function's own cost", samples, UNITS, findings, {"seconds": seconds})


def _ask(port: int, way: str, tenants: list[str], pid: int, seconds: float) -> Sample:
    """Let each tenant call again and again for some seconds."""
    deno = psutil.Process(pid)
    before, until = sum(deno.cpu_times()[:2]), time.perf_counter() + seconds
    with ThreadPoolExecutor(len(tenants)) as pool:
        calls = sum(pool.map(partial(_call, port, way, until), tenants))
    spent = sum(deno.cpu_times()[:2]) - before
    return {"deno_ms": 1000 * spent / calls, "ms": 1000 * seconds * len(tenants) / calls, "calls": calls / seconds}


def _call(port: int, way: str, until: float, tenant: str) -> int:
    """Consume one credit after the other, over one connection, and return how often."""
    connection, calls = http.client.HTTPConnection("127.0.0.1", port, timeout=30), 0
    headers = {"Authorization": f"Bearer {member(tenant)}", "apikey": PUBLIC_KEY, "Content-Type": "application/json"}
    path, asked = _request(way, tenant)
    try:
        while time.perf_counter() < until:
            connection.request("POST", path, json.dumps(asked), headers)
            answer = connection.getresponse()
            words = answer.read().decode()
            if answer.status != http.client.OK:
                raise RuntimeError(f"A call failed: {answer.status} {words}")
            calls += 1
    finally:
        connection.close()
    return calls


def _request(way: str, tenant: str) -> tuple[str, Mapping[str, object]]:
    if way == THROUGH:
        return "/consume-credits", {"organization_id": tenant, "action_type": "ai_chat", "credits": 1}
    named = {"p_organization_id": tenant, "p_action_type": "ai_chat", "p_credits": 1}
    return f"{postgrest.PATH}consume_credits_rpc", named
