"""The confirmation: on a protected environment nothing is changed by a command alone.

Whoever sits at a notebook types the environment's name. Whatever runs unattended brings the digest of what was
approved, in RUNBOOK_CONFIRM or by `--confirm`: it changes with the content, so nothing else can slip in under it.
"""

import os
import re
import sys
from collections.abc import Callable

from runbook.errors import NotAllowed
from runbook.plan import cells, fingerprint
from runbook.plan.plan import Environment, Plan, Task

VARIABLE = "RUNBOOK_CONFIRM"
SHORTEST = 12


def is_needed(environment: Environment, tasks: tuple[Task, ...], *, undo: bool = False) -> bool:
    """Tell whether tasks need a confirmation: the environment is protected, and one of them changes something there."""
    return environment.protected and (undo or any(cells.changes_target(task.notebook) for task in tasks))


def require_confirmation(plan: Plan, environment: Environment, given: str) -> None:
    """Make sure that a digest given in advance is that of what is about to run.

    Raises:
        NotAllowed: it is not, or none was given.
    """
    if not given:
        raise NotAllowed(
            f"{environment.name!r} is protected: confirm with --confirm DIGEST, or {VARIABLE}, "
            f"the digest that `runbook approve --environment {environment.name}` printed."
        )
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST},64}}", given) or not fingerprint.plan_digest(plan).startswith(given):
        raise NotAllowed(
            f"{environment.name!r} is protected, and the confirmation is not the digest of this content, "
            f"{SHORTEST} characters or more of it: `runbook approve --environment {environment.name} …` prints it."
        )


def require_yes(environment: Environment, ask: Callable[[str], str], *, is_said: bool) -> None:
    """Ask, where somebody can answer; a demonstration goes on by itself where nobody can.

    Raises:
        NotAllowed: nobody said yes.
    """
    if is_said:
        return
    if sys.stdin.isatty():
        if ask("Go on? [y/N] ").strip().lower() not in {"y", "yes"}:
            raise NotAllowed("Nothing was changed: nobody said yes.")
    elif environment.approval != "automatic":
        raise NotAllowed("Nothing was changed: nobody is there to ask. Say it with --yes.")


def ask_confirmation(plan: Plan, environment: Environment) -> None:
    """Have the environment's name typed; where nobody sits at the keyboard, demand the digest.

    Raises:
        NotAllowed: something else was typed, or the digest is wrong or missing.
    """
    from IPython.core.error import StdinNotImplementedError

    given = os.environ.get(VARIABLE, "")
    if given:
        require_confirmation(plan, environment, given)
        return
    try:
        typed = input(
            f"{environment.name} is protected, and this notebook changes it. Type {environment.name} to go on: "
        )
    except (StdinNotImplementedError, EOFError):
        require_confirmation(plan, environment, "")
    else:
        if typed.strip() != environment.name:
            raise NotAllowed(
                f"{environment.name!r} is protected, and its name was not typed: nothing was done. Run the cell again."
            )
