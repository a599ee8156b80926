# task: 0
# check: the role has what the migration needs, and no more
# trigger: Safety requirements not met
# point: before the check
# reason: the migration would run as a superuser, and what it creates would run as one too

import psycopg
from psycopg.conninfo import make_conninfo

address = make_conninfo(task.connection.info.dsn, user="postgres")
task.connection.close()
task.connection = psycopg.connect(address, autocommit=True)
