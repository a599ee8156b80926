"""Client programs: the nearest version that speaks as the runbook's own connection does, or a sentence that helps."""

import psycopg
import pytest

from runbook.database import snapshot, tools
from runbook.database.target import Target
from runbook.errors import UsageError
from tests.support.project import missing
from tests.support.servers import WHEEL, Server, debian, folder


def programs(folder, version: int):
    """Make a folder whose pg_dump says it is of a version, and speaks TLS."""
    folder.mkdir()
    program = folder / "pg_dump"
    program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}.1'\n")
    program.chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def nothing_is_known_yet():
    tools._folder.cache_clear()
    yield
    tools._folder.cache_clear()


@pytest.mark.parametrize(
    ("major", "is_tls", "given", "complaint"),
    [
        (18, True, str(WHEEL), f"18 in {WHEEL} is built without TLS"),
        (19, False, str(WHEEL), f"18 in {WHEEL} is too old"),
        (18, False, "/nowhere", "no pg_dump in /nowhere"),
    ],
)
def test_what_does_not_fit_is_said_and_what_to_install(major, is_tls, given, complaint):
    with pytest.raises(UsageError) as raised:
        tools._folder(major, is_tls, given)
    assert complaint in str(raised.value)
    assert f"postgresql-client-{major}" in str(raised.value)
    assert tools.VARIABLE in str(raised.value)


def test_the_nearest_version_is_taken(tmp_path, monkeypatch):
    folders = [programs(tmp_path / str(version), version) for version in (14, 17, 16)]
    monkeypatch.setattr(tools, "_folders", lambda: [WHEEL, *folders])
    assert tools._folder(15, False, "") == tmp_path / "16"
    assert tools._folder(17, True, "") == tmp_path / "17"
    assert tools._folder(18, False, "") == WHEEL


def test_programs_newer_than_the_server_restore_into_it(tmp_path_factory, monkeypatch):
    binaries = debian().get(15) or missing("postgresql-15")
    one = Server(folder(tmp_path_factory.mktemp("older"), "data"), "c4n4ry", binaries)
    one.initialize()
    monkeypatch.setenv(tools.VARIABLE, str(WHEEL))
    with one.running(), psycopg.connect(one.address(), autocommit=True) as connection:
        connection.execute("CREATE TABLE shelves AS SELECT generate_series(1, 300) AS shelf")
        path = one.data.parent / "shelves.dump"
        assert snapshot.back_up(connection, Target.at(one.address()), ["shelves"], path).proven
