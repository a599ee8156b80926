"""Pooled: consumption by up to 64 clients through pgbouncer in transaction mode. On demand."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.servers import pgbouncer

from bench import pgbench
from bench.consume import OURS, STATEMENTS, prepare
from bench.figures import Finding, Options, Part, Sample, Say, interleave
from bench.migration import Notebook
from bench.pgbench import Script
from bench.place import Place

CLIENTS = (8, 16, 32, 64)
SERVERS = 8  # connections of the pooler to the server
UNITS = {"tps": "calls/s", "ms": "ms"}


def run(options: Options, place: Place, say: Say) -> Part:
    """Consume with ever more clients, spread over all organizations, and all of them on one."""
    organizations = 20_000
    seconds = 1 if options.quick else 5
    database = place.copy(place.template(organizations))
    with place.connect(database) as connection, TemporaryDirectory(prefix="bench-") as folder:
        prepare(connection, Notebook(place), database)
        with pgbouncer(Path(folder), place.url(database), "transaction", f"pool_size={SERVERS}") as url:
            subjects = {
                f"{clients} clients, {where}": partial(_consume, url, choice, clients, seconds)
                for clients in CLIENTS
                for where, choice in (("spread", f"\\set n random(13, {organizations})"), ("hot", "\\set n 20"))
            }
            samples = interleave(subjects, options.times(5, 1), options.patience, say)
    findings = [
        Finding.ratio(
            f"64 clients / 8, {where}", samples, f"64 clients, {where}", f"8 clients, {where}", "tps", ">= 0.9"
        )
        for where in ("spread", "hot")
    ]
    return Part("pooled", "Consumption through pgbouncer", samples, UNITS, findings, {"servers": SERVERS})


def _consume(url: str, choice: str, clients: int, seconds: int) -> Sample:
    script = Script("\n".join([choice, *STATEMENTS[OURS]]))
    return pgbench.throughput(url, [script], clients, seconds, "simple")
