"""In each kernel of `runbook lab`: says what to run first, until `runbook.begin` brings task and magics."""

from typing import Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.getipython import get_ipython

from runbook.plan.cells import MAGICS

FIRST = "This kernel has not begun the task: run the first two code cells, the parameters and runbook.begin(…)."


def _refuse(*_: Any) -> NoReturn:
    raise UsageError(FIRST)


class NotBegun:
    """Stands where the task will be."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):  # whoever looks at an object's kind
            raise AttributeError(name)
        _refuse()


shell = get_ipython()
if shell is not None:
    for magic in MAGICS:
        shell.register_magic_function(_refuse, "cell", magic)  # type: ignore[arg-type]
    shell.user_ns["task"] = NotBegun()
