# task: 1
# check: this task has changed nothing
# trigger: Cannot establish reliable baseline
# point: before the check
# reason: a setting of a role in this database was changed while the task ran
name = task.value("SELECT current_database()")
task.ledger.connection.execute(f"ALTER ROLE CURRENT_USER IN DATABASE \"{name}\" SET work_mem = '1MB'".encode())
