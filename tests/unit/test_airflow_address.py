"""An Airflow connection as a libpq URL."""

from types import SimpleNamespace

import pytest
from psycopg.conninfo import conninfo_to_dict

from runbook.airflow.address import url_of


@pytest.mark.parametrize("host", ["db.example.org", "::1", "/var/run/postgresql", "a b"])
def test_a_connection_leads_to_its_own_host_and_database(host):
    asked = SimpleNamespace(host=host, login="owner", password="p/w@1", schema="a/b", port=5433, extra_dejson={})
    found = conninfo_to_dict(url_of(asked))
    assert found == {"host": host, "user": "owner", "password": "p/w@1", "dbname": "a/b", "port": "5433"}
