"""Stands in for `runbook` where its own behaviour is not the subject: answers as `behaviour.json` beside it says.

behaviour.json: {"TARGET": {"VERB": EXIT_CODE, or a list of them, one a call}}; a negative number is a signal to itself,
WAITS goes on until somebody ends it.
calls.jsonl: a line a call, of its arguments and of the variables with an address.
"""

import fcntl
import json
import os
import signal
import sys
from pathlib import Path

WAITS = 1000
arguments, here = sys.argv[1:], Path(__file__).parent


def option(name: str) -> str:
    return arguments[arguments.index(name) + 1] if name in arguments else ""


signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # whoever waits takes it in order
target = option("--environment").partition("/")[2]
verb = "prepare" if option("--to") else arguments[0]
addresses = {name: value for name, value in os.environ.items() if name.endswith("DATABASE_URL")}
with (here / "calls.jsonl").open("a+") as calls:
    fcntl.flock(calls, fcntl.LOCK_EX)
    calls.seek(0)
    before = [json.loads(line) for line in calls]
    json.dump({"target": target, "verb": verb, "arguments": arguments, "addresses": addresses}, calls)
    calls.write("\n")
targets = json.loads((here / "targets.json").read_text())
behaviour = json.loads((here / "behaviour.json").read_text())
if arguments[:2] == ["fleet", "targets"]:
    print(json.dumps(targets))
elif arguments[:2] == ["fleet", "report"]:
    complete = {one["target"] for one in before if one["verb"] == "run"}
    broken = {name for name, codes in behaviour.items() if isinstance(codes.get("run", 0), int) and codes.get("run")}
    rows = [
        {"target": one["target"], "status": "complete" if one["target"] in complete - broken else "failed"}
        for one in targets
    ]
    print(json.dumps({"page": "fleet.html", "targets": rows}))
else:
    codes = behaviour.get(target, {}).get(verb, 0)
    called = sum((one["target"], one["verb"]) == (target, verb) for one in before)
    code = codes if isinstance(codes, int) else codes[min(called, len(codes) - 1)]
    print(f"{verb} of {target}", flush=True)
    if result := option("--result"):
        said = {
            "kind": "NotApproved" if code == 4 and verb == "prepare" else None,
            "status": "complete",
            "task": 2,
            "next": "mend it",
            "findings": {"noted": 1},
            "digest": "abcdef0123456789",
        }
        Path(result).write_text(json.dumps(said))
    if code == WAITS:
        code = signal.sigwait({signal.SIGTERM})
        with (here / "calls.jsonl").open("a") as calls:
            calls.write(json.dumps({"target": target, "verb": "ended", "arguments": [], "addresses": {}}) + "\n")
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)
