# task: 0
# check: every document is complete
# trigger: Incomplete documentation
# point: before the task
# reason: the plan relies on a check that no notebook makes

import shutil
import tempfile
from pathlib import Path

from runbook.plan import generated_docs

folder = tempfile.TemporaryDirectory()
generated_docs.FOLDER = str(shutil.copytree(task.plan.root / generated_docs.FOLDER, folder.name, dirs_exist_ok=True))
with (Path(folder.name) / "PHASE_3.5_MASTER_PLAN.md").open("a", encoding="utf-8") as plan:
    plan.write("\nOne more thing is sure: “nobody ever complains”.\n")
