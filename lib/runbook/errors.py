"""What can go wrong, and the exit code each failure means to a shell."""


def with_advice(advice: str) -> str:
    """Return how an error's sentence goes on, where there is advice."""
    return f" Next: {advice}" if advice else ""


class RunbookError(Exception):
    """A failure with one clear sentence: what, where, how to mend it.

    Attributes:
        exit_code: what `runbook` exits with when this reaches the command line.
        advice: what to do next, with the exact commands; empty where the sentence says it.
    """

    exit_code = 1

    def __init__(self, message: str = "", *, advice: str = "") -> None:
        super().__init__(f"{message}{with_advice(advice)}")
        self.advice = advice

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints instead of a traceback."""
        return [f"\x1b[1;31m{type(self).__name__}\x1b[0m · {self}"]


class GateShut(RunbookError):
    """A check failed, a rollback trigger fired, or a criterion was left undecided."""


class NotAccepted(GateShut):
    """The gate is shut by findings about the target alone that somebody may accept, and nobody has."""

    exit_code = 4


class StepFailed(RunbookError):
    """A step could not be carried out: an SQL error, a lost connection, a dead kernel.

    Attributes:
        sqlstate: the five characters of the server's refusal; empty where there was none.
    """

    def __init__(self, message: str, sqlstate: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class UsageError(RunbookError):
    """Wrong usage or configuration."""

    exit_code = 2


class NotAllowed(RunbookError):
    """Not allowed to start: what it depends on is not complete, or was not confirmed."""

    exit_code = 3


class TryAgain(RunbookError):
    """Nothing is wrong here that does not pass: unreachable, a connection lost, a lock held by somebody."""

    exit_code = 75


class Interrupted(TryAgain):
    """Somebody ended the run by a signal: it was sealed, and can be resumed."""


class TargetHeld(TryAgain):
    """Another run holds the target."""


class NotApproved(NotAllowed):
    """Nobody, or not enough persons, have approved exactly what is about to run."""

    exit_code = 4


def exit_code_of(error_name: str) -> int:
    """Return the exit code for an exception class known only by name (it crossed a kernel's border)."""
    kinds = (GateShut, NotAccepted, StepFailed, UsageError, NotAllowed, NotApproved, TryAgain, TargetHeld, Interrupted)
    return {kind.__name__: kind.exit_code for kind in kinds}.get(error_name, 1)
