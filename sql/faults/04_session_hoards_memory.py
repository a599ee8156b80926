# task: 4
# check: sessions take no more memory than before, but for noise
# trigger: Memory usage issues
# point: before the check
# reason: every consumption leaves eight megabytes in its session

task.connection.execute("""
    CREATE FUNCTION hoard() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM set_config('runbook.hoard', repeat('x', 8000000), false);
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER hoard BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION hoard();
""")
# Measured in the cell before
more = memory_use.compare_memory(task, pairs, most=2.0, persona="server")
