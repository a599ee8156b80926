# task: 0
# check: nothing refuses the statements of the migration
# trigger: Technical environment issues
# point: before the check
# reason: an event trigger refuses to create a trigger, which would stop Task 2 halfway

import psycopg
from psycopg.conninfo import make_conninfo

with psycopg.connect(make_conninfo(task.connection.info.dsn, user="postgres"), autocommit=True) as admin:
    admin.execute("""
        CREATE FUNCTION refuse_triggers() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'no new triggers';
        END
        $$
    """)
    admin.execute("""
        CREATE EVENT TRIGGER refuse_triggers ON ddl_command_start WHEN TAG IN ('CREATE TRIGGER')
        EXECUTE FUNCTION refuse_triggers()
    """)
