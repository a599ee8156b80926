# task: 0
# check: no name that is about to be given is taken
# trigger: A task cannot be done or undone
# point: before the check
# reason: the last task is about to make a table of a name that somebody has given already

import json
import pathlib
import tempfile
from dataclasses import replace

*others, last = task.plan.tasks
notebook = json.loads(last.notebook.read_text())
task.send("CREATE TABLE taken ()")
cell = {"cell_type": "code", "metadata": {"tags": ["apply"]}, "source": "%%sql\nCREATE TABLE IF NOT EXISTS taken ()"}
copy = pathlib.Path(tempfile.mkdtemp()) / last.notebook.name
copy.write_text(json.dumps({**notebook, "cells": [*notebook["cells"], cell]}))
task.plan = replace(task.plan, tasks=(*others, replace(last, notebook=copy)))
