# task: 0
# check: no transaction is older than the limit
# trigger: Technical environment issues
# point: before the check
# reason: somebody left a transaction open (the limit is 0 here, so that nobody waits five minutes)

import psycopg

idle = psycopg.connect(task.connection.info.dsn)
idle.execute("SELECT count(*) FROM organizations")
task.setting("longest_transaction_minutes", 0)
