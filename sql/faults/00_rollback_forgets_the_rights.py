# task: 0
# check: on a copy, every task's rollback gave everything back
# trigger: Safety requirements not met
# point: after step 0.1
# reason: the rollback script of Task 2 does not give the rights back

import pathlib
import tempfile
from dataclasses import replace

forgetful = pathlib.Path(tempfile.mkdtemp()) / "rollback.sql"
script = task.plan.task(2).rollback.read_text()
script = script.replace("GRANT %s ON %I TO %I", "SELECT 1 --").replace("SELECT runbook.give_back", "-- ")
forgetful.write_text(script)
tasks = [replace(one, rollback=forgetful) if one.number == 2 else one for one in task.plan.tasks]
task.plan = replace(task.plan, tasks=tuple(tasks))
