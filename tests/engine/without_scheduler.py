"""In Airflow's environment: `dag.test()` of DAGs, one after the other, with answers; prints what became of each.

python without_scheduler.py CASES: JSON, file in the DAG folder → `TASK_ID[MAP_INDEX]` → user and answer.
"""

import faulthandler
import json
import runpy
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from airflow import settings
from airflow.models import import_all_models
from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import handle_event_submit
from airflow.sdk import timezone
from airflow.triggers.base import TriggerEvent
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from answers import Answers, answer_to
from sqlalchemy import select


def answer(special: Answers, over: threading.Event) -> None:
    """Answer what is asked, as the REST API of an API server does."""
    while not over.wait(0.2):
        with create_session() as session:
            asked = select(TaskInstance).where(TaskInstance.state == TaskInstanceState.AWAITING_INPUT)
            for task in session.scalars(asked).all():
                user, option = answer_to(task.task_id, task.map_index, special)
                detail = session.scalar(select(HITLDetail).where(HITLDetail.ti_id == task.id))
                detail.responded_by = {"id": user, "name": user}
                detail.responded_at = timezone.utcnow()
                detail.chosen_options = [option]
                event = TriggerEvent(detail.as_resume_event_payload())
                handle_event_submit(event, task_instance=task, session=session)


def run_dag(file: str, special: Answers) -> dict[str, Any]:
    """Run a DAG and return its state, that of its tasks, and what was asked."""
    over = threading.Event()
    answering = threading.Thread(target=answer, args=(special, over))
    answering.start()
    try:
        run = runpy.run_path(str(Path(settings.DAGS_FOLDER) / file))["dag"].test(logical_date=None)
    finally:
        over.set()
        answering.join()
    with create_session() as session:
        tasks = session.scalars(select(TaskInstance).where(TaskInstance.run_id == run.run_id)).all()
        asked = session.scalars(select(HITLDetail).where(HITLDetail.ti_id.in_([task.id for task in tasks]))).all()
        return {
            "dag": session.scalar(select(DagRun.state).where(DagRun.run_id == run.run_id)),
            "tasks": {f"{task.task_id}[{task.map_index}]": task.state for task in tasks},
            "asked": {detail.subject: detail.body for detail in asked},
        }


if __name__ == "__main__":
    faulthandler.dump_traceback_later(560, exit=True)
    import_all_models()  # two threads that import each other's modules wait for ever
    print(json.dumps({file: run_dag(file, special) for file, special in json.loads(sys.argv[1]).items()}))
