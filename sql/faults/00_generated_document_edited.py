# task: 0
# check: the generated documents say what the notebooks say
# trigger: Incomplete documentation
# point: before the task
# reason: somebody edited a generated document, and now it says something else than the notebooks

import shutil
import tempfile
from pathlib import Path

from runbook.plan import generated_docs

folder = tempfile.TemporaryDirectory()
generated_docs.FOLDER = str(shutil.copytree(task.plan.root / generated_docs.FOLDER, folder.name, dirs_exist_ok=True))
with (Path(folder.name) / generated_docs.BREAKDOWN).open("a", encoding="utf-8") as breakdown:
    breakdown.write("\nTask 3 may be skipped.\n")
