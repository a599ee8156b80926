# task: 2
# check: on a copy, the rollback gave everything back
# trigger: Schema migration failures
# point: before the task
# reason: the rollback script does not give the rights back

import dataclasses
import pathlib
import tempfile

forgetful = pathlib.Path(tempfile.mkdtemp()) / "rollback.sql"
script = task.definition.rollback.read_text()
script = script.replace("GRANT %s ON %I TO %I", "SELECT 1 --").replace("SELECT runbook.give_back", "-- ")
forgetful.write_text(script)
task.definition = dataclasses.replace(task.definition, rollback=forgetful)
