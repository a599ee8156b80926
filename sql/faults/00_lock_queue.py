# task: 0
# check: nobody waits for a lock
# trigger: Technical environment issues
# point: before the check
# reason: a session waits for a table that another one keeps locked

import time

import psycopg

holder, waiting = (psycopg.connect(task.connection.info.dsn) for _ in range(2))
holder.execute("LOCK TABLE organizations IN EXCLUSIVE MODE")
waiting.execute("SELECT")
waiting.pgconn.send_query(b"LOCK TABLE organizations IN ROW EXCLUSIVE MODE")
time.sleep(1.2)
