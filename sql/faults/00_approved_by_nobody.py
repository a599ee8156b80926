# task: 0
# check: the approval names who approved, and what
# trigger: Stakeholder concerns raised
# point: after step 0.2
# reason: an approval that must be given here was written into the ledger without a name

from dataclasses import replace

from runbook.database import approvals
from runbook.policy import approval_required

task.environment = replace(task.environment, approval="required")
parts = approval_required.content(task, task.schema())
yes = approvals.Decision(" ", "Yes", True, parts)
approvals.record(task.ledger.connection, task.plan.name, task.environment.name, yes)
