"""Failures: what an operator reads of an error, and the exit code it means. The class decides, never the text."""

import pickle

import psycopg
import pytest
from psycopg import errors

from runbook.database import failures
from runbook.errors import StepFailed, UsageError


@pytest.mark.parametrize(
    ("error", "begins", "code"),
    [
        (psycopg.OperationalError("server closed the connection"), "The connection to the target was lost (", 75),
        (errors.ConnectionFailure("x"), "The connection to the target was lost (", 75),
        (errors.AdminShutdown("terminating connection"), "The connection to the target was lost (", 75),
        (errors.LockNotAvailable("canceling statement due to lock timeout"), "Others hold what is needed (", 75),
        (errors.DeadlockDetected("deadlock detected"), "Others hold what is needed (", 75),
        (errors.TooManyConnections("sorry, too many clients already"), "Others hold what is needed (", 75),
        (errors.DiskFull("could not extend file"), "The disk of the target's server is full (could not", 1),
        (errors.QueryCanceled("canceling statement due to user request"), "The target refused it: ", 1),
        (errors.UndefinedTable("the connection was lost"), "The target refused it: ", 1),
        (FileNotFoundError("x"), "A file cannot be read or written (x)", 1),
        (UsageError("Give one of them."), "Give one of them.", 2),
    ],
)
def test_a_failure_is_told_by_its_class(error, begins, code):
    assert failures.describe_failure(error).startswith(begins)
    assert failures.exit_code_of_failure(error) == code


def test_a_failed_steps_sqlstate_crosses_a_process():
    assert pickle.loads(pickle.dumps(StepFailed("It failed.", "55P03"))).sqlstate == "55P03"
