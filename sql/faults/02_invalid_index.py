# task: 2
# check: every index stands and is valid
# trigger: Schema migration failures
# point: before the check
# reason: a concurrent build failed and left its index behind

import contextlib

import psycopg

with contextlib.suppress(psycopg.errors.UniqueViolation):
    task.connection.execute("CREATE UNIQUE INDEX CONCURRENTLY idx_twice ON organizations (plan_name)")
