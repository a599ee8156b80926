"""The priority of the runbook's own processes: on a core they share with a server, its sessions go first.

Source: sched(7), SCHED_BATCH. The weight stays the same: whoever holds a row's lock is never starved of a core, as a
process of a lower priority (nice) would be.
"""

import os
from contextlib import suppress


def give_way() -> None:
    """Let this thread, and whatever it starts from now on, not interrupt others when it wakes.

    On Linux, where it is a usual one and nothing forbids it: it is a courtesy, not a condition.
    """
    if hasattr(os, "SCHED_BATCH") and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
