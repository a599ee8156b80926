# task: 0
# check: every right the migration takes can be given back by whoever gave it
# trigger: Safety requirements not met
# point: before the check
# reason: somebody whom the role cannot act as has granted a right that Task 2 takes away and a rollback gives back

import psycopg
from psycopg.conninfo import make_conninfo

with psycopg.connect(make_conninfo(task.connection.info.dsn, user="postgres"), autocommit=True) as admin:
    admin.execute("GRANT UPDATE ON organizations TO pg_signal_backend WITH GRANT OPTION")
    admin.execute("SET ROLE pg_signal_backend")
    admin.execute("GRANT UPDATE ON organizations TO anon")
