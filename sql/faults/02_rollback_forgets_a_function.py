# task: 2
# check: on a copy, the way back gave everything back
# trigger: Schema migration failures
# point: before the task
# reason: the rollback script leaves a function behind

import dataclasses
import pathlib
import tempfile

forgetful = pathlib.Path(tempfile.mkdtemp()) / "rollback.sql"
forgetful.write_text(task.definition.rollback.read_text().replace("DROP FUNCTION IF EXISTS plan_credits", "-- "))
task.definition = dataclasses.replace(task.definition, rollback=forgetful)
