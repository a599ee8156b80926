-- an event trigger demands row level security on every new table
-- of: around
-- as the superuser
CREATE SCHEMA platform;
CREATE FUNCTION platform.guard_tables() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ DECLARE r record; BEGIN
  FOR r IN SELECT objid::regclass AS t FROM pg_event_trigger_ddl_commands() WHERE command_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') AND schema_name = 'public' LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', r.t);
  END LOOP; END $$;
CREATE EVENT TRIGGER guard_tables ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') EXECUTE FUNCTION platform.guard_tables();
