# task: 0
# check: others hardly wait while the backup is made and the tasks are tried
# trigger: Technical environment issues
# point: before the check
# reason: a request of others takes a second while the copy is made
import time

meanwhile = alongside.Alongside(task, "a request of others meanwhile", "SELECT pg_sleep(1)")
time.sleep(3)
