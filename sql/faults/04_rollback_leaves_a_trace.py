# task: 4
# check: on a copy, the rollback gave everything back
# trigger: Index creation failures
# reason: the rollback script leaves a comment of its own
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile

with NamedTemporaryFile("w", suffix=".sql", delete=False) as script:
    script.write("COMMENT ON TABLE organizations IS 'in a rollback'")
task.definition = replace(task.definition, rollback=Path(script.name))
