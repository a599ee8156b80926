# task: 0
# check: every document is complete
# trigger: Incomplete documentation
# point: before the task
# reason: nobody wrote down how the migration is tested

import shutil
import tempfile
from pathlib import Path

from runbook.plan import generated_docs

folder = tempfile.TemporaryDirectory()
generated_docs.FOLDER = str(shutil.copytree(task.plan.root / generated_docs.FOLDER, folder.name, dirs_exist_ok=True))
(Path(folder.name) / "TESTING_SCENARIOS.md").unlink()
