"""Failures of the target and of this machine, as an operator reads them."""

import psycopg


def describe_failure(error: Exception) -> str:
    """Return what an operator reads of an error, in a sentence."""
    said = " ".join(str(error).split())
    if isinstance(error, psycopg.OperationalError):
        return f"The connection to the target was lost ({said}): `runbook run --resume`, or the rollback again."
    if isinstance(error, psycopg.Error):
        return f"The target refused it: {said}"
    if isinstance(error, OSError):
        return f"A file cannot be read or written ({said}): mend that, then `runbook run --resume`."
    return str(error)
