# task: 0
# check: the tools of this machine are at hand
# trigger: Technical environment issues
# reason: a package the runbook needs is not installed
from runbook.notebook import readiness

readiness.requires = lambda _: ["a-package-nobody-has>=1"]
