# task: 2
# check: every index stands and is valid
# trigger: Schema migration failures
# point: before the check
# reason: a concurrent build failed and left its index behind

import contextlib

import psycopg

NAME = "idx_organizations_sms_credits"
task.connection.execute(f"DROP INDEX {NAME}")
with contextlib.suppress(psycopg.errors.UniqueViolation):
    task.connection.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {NAME} ON organizations (plan_name)")
