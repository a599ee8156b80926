"""Who runs: the operator, and what a batch tells its kernels of itself."""

import getpass
import os

RUN_VARIABLE = "RUNBOOK_RUN"  # the run a kernel belongs to
HOLDER_VARIABLE = "RUNBOOK_LOCK_HOLDER"  # the session that holds the lock for it


def operator() -> str:
    """Return who runs this: RUNBOOK_OPERATOR, or the account's name."""
    return os.environ.get("RUNBOOK_OPERATOR") or getpass.getuser()
