"""A migration runbook as Jupyter notebooks. In a notebook: `task = runbook.begin(N)`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook.notebook.begin import begin

__all__ = ["begin"]


def __getattr__(name: str) -> Any:
    # The command line must not pay for IPython and pandas.
    if name == "begin":
        from runbook.notebook.begin import begin

        return begin
    raise AttributeError(f"module 'runbook' has no attribute {name!r}")
