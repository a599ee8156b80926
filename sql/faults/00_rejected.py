# task: 0
# check: no concern is left unsettled
# trigger: Stakeholder concerns raised
# point: before the check
# reason: somebody has rejected what is about to run

from runbook.database import approvals

no = approvals.Decision("Data protection officer", "The deletion periods are not settled.", False, {"files": {}})
approvals.record(task.ledger.connection, task.plan.name, task.environment.name, no)
