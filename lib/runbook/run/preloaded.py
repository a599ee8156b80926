"""What every forked process has: imported here once, by the process they are forked from."""

import gc
from importlib import import_module

NEEDED = (
    "runbook.run.worker",
    "runbook.step.magic",
    "runbook.step.charts",
    "IPython.core.interactiveshell",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
)

gc.disable()  # nothing of it is garbage: looking for some takes a quarter of the time
for name in NEEDED:
    import_module(name)
gc.freeze()
gc.enable()
