"""Limits: why goals are missed, by part and figure. Each reason rests on something measured."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

OTHERS_COST_MORE = (
    "One session that only reads costs the same traffic more, by a figure of this table: eight clients and the "
    "migration share the cores."
)
BOUND_BY_ROWS = "The bare floor misses it as well: most of the time goes into rows and triggers, whoever writes them."
WHO_ASKS = "The function also asks who calls, sets its search path and answers in JSON."
ON_LOOPBACK = (
    "The bare statement is hardly faster than that: on loopback a round trip costs little. Each one counts where a "
    "network lies between."
)
WHY: Mapping[str, Mapping[str, str]] = {
    "consume": {
        "ours / one statement, 1 client, spread": WHO_ASKS,
        "ours / one statement, 1 client, hot": WHO_ASKS,
        "ours / one statement, 8 clients, spread": WHO_ASKS,
        "ours / TypeScript, 8 clients, spread": ON_LOOPBACK,
        "ours / TypeScript, 8 clients, spread, through the API": ON_LOOPBACK,
    },
    "online": {
        "p99 from Task 0 to Task 5 / idle": OTHERS_COST_MORE,
        "p99 during Task 2 / idle": OTHERS_COST_MORE,
        "p99 in a rollback / idle": OTHERS_COST_MORE,
    },
    "batch": {
        "runbook / papermill": "Comparing outputs, the seal and the report are in it; papermill does none of them.",
        "its memory at most": (
            "Libraries take most of it: 87 MB in the command, 128 MB in the process that all kernels are forked from."
        ),
    },
    "linearity": {
        "time per row, 10,000,000 / 1,000,000": (
            "Processor time per row grows nearly as much: audit rows visit random pages of ever larger indexes."
        ),
        "the whole, estimated after a tenth, is off by at most": (
            "At the smallest size a tenth takes three seconds. A VACUUM that comes later, for which the backfill goes "
            "gently, is not in it. The larger ones reach it."
        ),
    },
    "wide": {f"{kind}: DO block / ours": BOUND_BY_ROWS for kind in ("wide", "stamped", "audited")},
}


def reasons(name: str, part: Mapping[str, Any]) -> Mapping[str, list[str]]:
    """Return the figures of a part that miss their goals, by the reason; the empty one where none is known."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in part["findings"]:
        if one["reached"] is False:
            found[WHY.get(name, {}).get(one["name"], "")].append(one["name"])
    return found
