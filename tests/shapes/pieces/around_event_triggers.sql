-- event triggers watch every command, as a platform's do, and one keeps a log
-- of: around
-- grows: platform.ddl
-- as the superuser
CREATE SCHEMA platform;
CREATE TABLE platform.ddl (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT now(), tag text, object text);
CREATE FUNCTION platform.log_ddl() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ BEGIN INSERT INTO platform.ddl (tag, object) SELECT command_tag, object_identity FROM pg_event_trigger_ddl_commands(); END $$;
CREATE EVENT TRIGGER log_ddl ON ddl_command_end EXECUTE FUNCTION platform.log_ddl();
CREATE FUNCTION platform.reload() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY pgrst, 'reload schema'; END $$;
CREATE EVENT TRIGGER reload ON sql_drop EXECUTE FUNCTION platform.reload();
