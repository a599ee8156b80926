"""A migration runbook as Jupyter notebooks. What a notebook needs comes from here alone.

alongside     how long others wait while a task does something expensive
begin         opens the session of a task: `task = runbook.begin(N)`
charts        the charts of a notebook, all of one size and palette
deployed      what a task deploys outside the database; what was there before is kept
http_service  what a service answers when it is asked over HTTP
memory_use    the memory that sessions take, before the migration and after
personas      everybody who can connect to the target, named for probes
readiness     what must be true of documents, scripts and server before anything is changed
Table         a result as a table, for rows that Python has put together

RunbookError is what every failure has in common, each with one clear sentence and the exit code it means to a shell:
GateShut, NotAccepted, StepFailed, UsageError, NotAllowed.
"""

import sys
from importlib import import_module, util
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook.errors import GateShut, NotAccepted, NotAllowed, RunbookError, StepFailed, UsageError
    from runbook.notebook import alongside, charts, deployed, http_service, memory_use, personas, readiness
    from runbook.notebook.begin import begin
    from runbook.query.table import Table

__all__ = [
    "GateShut",
    "NotAccepted",
    "NotAllowed",
    "RunbookError",
    "StepFailed",
    "Table",
    "UsageError",
    "alongside",
    "begin",
    "charts",
    "deployed",
    "http_service",
    "memory_use",
    "personas",
    "readiness",
]
MODULES = {
    name: f"runbook.notebook.{name}"
    for name in ("alongside", "charts", "deployed", "http_service", "memory_use", "personas", "readiness")
}
PLACES = {"begin": "runbook.notebook.begin", "Table": "runbook.query.table"}


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: the command line must not pay for IPython and pandas.
    if name in MODULES:
        return _on_first_use(MODULES[name])
    if name in __all__:
        return getattr(import_module(PLACES.get(name, "runbook.errors")), name)
    raise AttributeError(f"module 'runbook' has no attribute {name!r}")


def _on_first_use(name: str) -> ModuleType:
    """Return a module that loads when something of it is used: matplotlib only where a chart is drawn."""
    if name not in sys.modules:
        spec = util.find_spec(name)
        assert spec is not None and spec.loader is not None
        spec.loader = util.LazyLoader(spec.loader)
        sys.modules[name] = util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
