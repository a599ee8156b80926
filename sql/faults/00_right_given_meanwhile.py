# task: 0
# check: this task has changed nothing
# trigger: Safety requirements not met
# point: before the check
# reason: somebody was given a right while the task ran
task.ledger.connection.execute("GRANT REFERENCES ON organizations TO PUBLIC")
