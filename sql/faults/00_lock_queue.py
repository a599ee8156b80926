# task: 0
# check: nobody waits for a lock
# trigger: Technical environment issues
# point: before the check
# reason: a session waits for a table that another one keeps locked

import time

import psycopg

holder, waiting = (psycopg.connect(task.connection.info.dsn) for _ in range(2))
holder.execute("LOCK TABLE organizations")
waiting.execute("SELECT")
waiting.pgconn.send_query(b"LOCK TABLE organizations IN ACCESS SHARE MODE")
time.sleep(1.2)
