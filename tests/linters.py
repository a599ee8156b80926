"""squawk on what the notebooks and the rollback scripts change: `python -m tests.linters`, as in `make lint`.

Each cell is held on its own, in the session it runs in. What is excepted, and why, stands below; an exception nothing
needs any more is a finding too. Supabase's advisors are run by tests/edge/test_advisors.py with theirs.
"""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from runbook.plan import cells
from runbook.plan.plan import Plan
from runbook.query.lock_retry import LOCK_TIMEOUT

ROOT = Path(__file__).parents[1]
SQUAWK = Path(sys.executable).with_name("squawk")
OLDEST = "15"
STEPS, BACK = "a step", "a rollback"
NEVER_LONG = "an index build may rightly take long; nobody waits for it, and a lock is waited for 500 ms at most"
INLINED = "its body was parsed when it was created and searches nothing; with a search_path it is not inlined any more"
EXCEPTIONS: Mapping[tuple[str, str], str] = {
    (STEPS, "require-statement-timeout"): NEVER_LONG,
    (BACK, "require-statement-timeout"): NEVER_LONG,
}
# What Supabase's advisors say of the migrated database: name of the lint → reason.
ADVISORS: Mapping[str, str] = {
    "Function `public.plan_credits` has a role mutable search_path": (
        f"{INLINED} and costs 4.6 µs a call instead of 0.3 (200,000 calls: 926 ms against 57)"
    ),
    "Function `public.called_by_server` has a role mutable search_path": INLINED,
    "Function `public.may_consume` has a role mutable search_path": INLINED,
    "Function `runbook.consume_credits_rpc` has a role mutable search_path": (
        "the function as it was found: a rollback gives it back to the byte, and nobody may enter its schema meanwhile"
    ),
}


def scripts(plan: Plan) -> dict[str, str]:
    """Return what changes a target: where it stands → the SQL, with the setting its session has."""
    session = f"SET lock_timeout = '{LOCK_TIMEOUT}';\n"
    found = {}
    for task in plan.tasks:
        for number, cell in enumerate(cells.read_cells(task.notebook), 1):
            if cell.magic and "apply" in cell.tags:
                found[f"{task.notebook.stem}, cell {number}"] = f"{session}{cell.body}\n;\n"
        found[f"rollback {task.rollback.stem}"] = session + task.rollback.read_text(encoding="utf-8")
    return found


def findings(texts: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return what squawk finds: where, rule and message."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        modes: dict[bool, dict[str, str]] = defaultdict(dict)
        for number, (place, text) in enumerate(texts.items()):
            path = Path(folder) / f"{number}.sql"
            path.write_text(text, encoding="utf-8")
            modes["CONCURRENTLY" not in text][str(path)] = place
        for is_transaction, places in modes.items():
            mode = "--assume-in-transaction" if is_transaction else "--no-assume-in-transaction"
            command = [str(SQUAWK), "--pg-version", OLDEST, mode, "--reporter", "json", *places]
            said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            found += [
                (f"{places[one['file']]}, line {one['line'] + 1}", one["rule_name"], one["message"])
                for one in json.loads(said)
            ]
    return found


def problems(texts: Mapping[str, str], exceptions: Mapping[tuple[str, str], str]) -> list[str]:
    """Return a line for each finding that is not excepted, and for each exception that nothing needs."""
    found = [
        (BACK if place.startswith("rollback") else STEPS, place, rule, words) for place, rule, words in findings(texts)
    ]
    unneeded = exceptions.keys() - {(kind, rule) for kind, _, rule, _ in found}
    return [f"{place}: {rule}: {words}" for kind, place, rule, words in found if (kind, rule) not in exceptions] + [
        f"the exception for {rule} in {kind} is not needed any more" for kind, rule in sorted(unneeded)
    ]


if __name__ == "__main__":
    wrong = problems(scripts(Plan.load(ROOT / "runbook.toml")), EXCEPTIONS)
    print(
        *wrong or [f"squawk finds nothing but {len(EXCEPTIONS)} exceptions; their reasons: tests/linters.py"], sep="\n"
    )
    sys.exit(bool(wrong))
