# task: 0
# check: on a copy, every task's rollback gave everything back
# trigger: A task cannot be done or undone
# point: before the task
# reason: a rollback script leaves the schema otherwise than it was

import pathlib
import tempfile
from dataclasses import replace

*others, last = task.plan.tasks
script = pathlib.Path(tempfile.mkdtemp()) / last.rollback.name
script.write_text("COMMENT ON SCHEMA public IS 'left behind';\n" + last.rollback.read_text())
task.plan = replace(task.plan, tasks=(*others, replace(last, rollback=script)))
