"""Isolation: what row level security adds to a point read, over tables of growing size."""

import json
from functools import partial

from bench.figures import Finding, Options, Part, Sample, Samples, Say, interleave
from bench.migration import Notebook
from bench.place import Place
from runbook.query import timing

NUMBER = 20  # which organization reads itself
READ = "SELECT ai_credits, whatsapp_credits, email_credits, sms_credits FROM organizations WHERE id = '{organization}'"
REQUEST, ALONE = "a request", "its read alone"
MODES = {REQUEST: "request", ALONE: "prepared"}
UNITS = {"added": "% slower", "with_ms": "ms with", "without_ms": "ms without"}


def run(options: Options, place: Place, say: Say) -> Part:
    """Compare pairs of reads, as the trusted server and as a tenant, on 10,000, 100,000 and 1,000,000 organizations."""
    largest = options.size(1_000_000, 10_000)
    pairs = 200 if options.quick else 1000
    samples: Samples = {}
    for size in (largest // 100, largest // 10, largest):
        database = place.copy(place.template(size))
        with place.connect(database) as connection:
            Notebook(place).prepare(connection)
        subjects = {
            f"{name}, {size:,}": partial(_compare, place, database, mode, pairs) for name, mode in MODES.items()
        }
        samples |= interleave(subjects, options.times(5, 1), options.patience, say)
    findings = [
        Finding(f"RLS on {name}", [one["added"] for one in samples[name]], "%", "<= 10")
        for name in samples
        if name.startswith(REQUEST)
    ]
    return Part("isolation", "What row level security adds to a point read", samples, UNITS, findings, {"pairs": pairs})


def _compare(place: Place, database: str, mode: str, pairs: int) -> Sample:
    with place.connect(database) as connection, connection.transaction(force_rollback=True):
        row = connection.execute("SELECT md5(%s)::uuid::text", [str(NUMBER)]).fetchone()
        assert row is not None
        read = READ.format(organization=row[0]).encode()
        claims = json.dumps({"organization_id": row[0]})
        tenant = f"SET LOCAL ROLE organization_user; SET LOCAL request.jwt.claims = '{claims}'".encode()
        server = f"SET LOCAL ROLE service_role; SET LOCAL request.jwt.claims = '{claims}'".encode()
        subjects = (timing.TimedStatement(read, server), timing.TimedStatement(read, tenant))
        found = timing.compare(connection, "row level security", *subjects, samples=pairs, mode=mode)
    return {"added": found.change, "with_ms": found.after.median, "without_ms": found.before.median}
