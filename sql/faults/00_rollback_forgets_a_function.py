# task: 0
# check: on a copy, Task 2's way back gave everything back
# trigger: Safety requirements not met
# point: after step 0.1
# reason: the rollback script of Task 2 leaves a function behind

import pathlib
import tempfile
from dataclasses import replace

forgetful = pathlib.Path(tempfile.mkdtemp()) / "rollback.sql"
script = task.plan.task(2).rollback.read_text()
forgetful.write_text(script.replace("DROP FUNCTION IF EXISTS plan_credits", "-- "))
tasks = [replace(one, rollback=forgetful) if one.number == 2 else one for one in task.plan.tasks]
task.plan = replace(task.plan, tasks=tuple(tasks))
