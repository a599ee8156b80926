# task: 0
# check: the connection keeps its session
# trigger: Technical environment issues
# point: before the check
# reason: a pooler serves two connections with one session

from runbook.database import poolers

poolers.backend = lambda connection: 1
