"""What people answer when a DAG asks, by the task that asks; used in Airflow's environment and in ours."""

from collections.abc import Mapping

USUAL = {"go": ("ada", "Go"), "approve_1": ("ada", "Approve"), "approve_2": ("bob", "Approve")}
Answers = Mapping[str, tuple[str, str]]


def answer_to(task_id: str, map_index: int, special: Answers) -> tuple[str, str]:
    """Return who answers what: as `special` says of `TASK_ID[MAP_INDEX]`, or as usual."""
    return tuple(special.get(f"{task_id}[{map_index}]") or USUAL[task_id.rpartition(".")[2]])
