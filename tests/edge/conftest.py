"""The Edge Function as it is deployed, run by the real Deno, in front of a database that went through Tasks 0 to 2."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from runbook.database import embedded
from runbook.plan.plan import Plan
from tests.support import postgrest
from tests.support.edge import AUTHENTICATOR, PUBLIC_KEY, SECRET, Deno, Edge
from tests.support.project import PARTS, ROOT


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
