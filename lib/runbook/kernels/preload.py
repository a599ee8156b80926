"""The imports of every forked process: made once, by the process they are forked from."""

import gc
import sys
from importlib import import_module
from types import TracebackType

NEEDED = (
    "runbook.kernels.background",
    "runbook.notebook.magics",
    "runbook.notebook.charts",
    "IPython.core.interactiveshell",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
)


def _without_a_word(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Where whoever asks for forks is killed, theirs ends as well: nobody is left to read why."""
    if not issubclass(kind, EOFError):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _without_a_word
gc.disable()  # nothing of it is garbage: looking for some takes a quarter of the time
for name in NEEDED:
    import_module(name)
gc.freeze()
gc.enable()
