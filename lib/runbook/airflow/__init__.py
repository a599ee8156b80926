"""A fleet on Apache Airflow 3: `fleet_dag(…)` makes the DAG, `RunbookOperator` runs one command on one target.

Imported in Airflow's environment: needs Airflow and the standard library. The runbook itself runs as a subprocess of an
environment of its own.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook.airflow.dag import fleet_dag
    from runbook.airflow.operator import RunbookOperator

__all__ = ["RunbookOperator", "fleet_dag"]


def __getattr__(name: str) -> Any:
    if name == "fleet_dag":
        from runbook.airflow.dag import fleet_dag

        return fleet_dag
    if name == "RunbookOperator":
        from runbook.airflow.operator import RunbookOperator

        return RunbookOperator
    raise AttributeError(f"module 'runbook.airflow' has no attribute {name!r}")
