"""Failures of the target and of this machine, as an operator reads them. The SQLSTATE decides, never the text."""

import errno
from collections.abc import Callable

import psycopg
from psycopg import errors

# Class 08, and what ends a session from outside
LOST = (
    errors.ConnectionException, errors.ConnectionDoesNotExist, errors.ConnectionFailure,
    errors.SqlclientUnableToEstablishSqlconnection, errors.SqlserverRejectedEstablishmentOfSqlconnection,
    errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow,
)  # fmt: skip
# What another moment mends: somebody holds a lock, or the server is full
PASSING = (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure, errors.TooManyConnections)
FULL = {errno.ENOSPC, errno.EDQUOT}
TRY_AGAIN = 75  # sysexits.h, EX_TEMPFAIL
AGAIN = "give the command again, a run that had begun with --resume"


def is_lost(error: Exception) -> bool:
    """Tell whether an error means that the connection to the target is gone, or was never there."""
    return isinstance(error, LOST) or (isinstance(error, psycopg.OperationalError) and error.sqlstate is None)


def exit_code_of_failure(error: Exception) -> int:
    """Return the exit code an error means to a shell: its own, or 75 where trying again may help."""
    is_passing = is_lost(error) or isinstance(error, PASSING)
    return int(getattr(error, "exit_code", TRY_AGAIN if is_passing else 1))


def describe_failure(error: Exception, again: str = AGAIN) -> str:
    """Return what an operator reads of an error.

    Args:
        error: what happened.
        again: what to do once its cause is mended, in words.
    """
    said = " ".join(str(error).split())
    for happens, words in KINDS:
        if happens(error):
            return words.format(said=said, again=again)
    return str(error)


KINDS: tuple[tuple[Callable[[Exception], bool], str], ...] = (
    (is_lost, "The connection to the target was lost ({said}). Next: {again}."),
    (
        lambda error: isinstance(error, PASSING),
        "Others hold what is needed ({said}). Next: wait for them, then {again}.",
    ),
    (
        lambda error: isinstance(error, errors.DiskFull),
        "The disk of the target's server is full ({said}). Next: make room there, then {again}.",
    ),
    (lambda error: isinstance(error, psycopg.Error), "The target refused it: {said}"),
    (
        lambda error: isinstance(error, OSError) and error.errno in FULL,
        "The disk here is full ({said}). Next: make room, then {again}.",
    ),
    (
        lambda error: isinstance(error, OSError),
        "A file cannot be read or written ({said}). Next: mend that, then {again}.",
    ),
)
