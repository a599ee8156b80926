# task: 0
# check: the free disk of the server holds the tables three times more
# trigger: Safety requirements not met
# point: after step 0.1
# reason: one megabyte is free, and the migration writes more

import shutil
from types import SimpleNamespace

shutil.disk_usage = lambda path: SimpleNamespace(free=1_000_000)
