-- an event trigger refuses new triggers and dropped functions, whoever asks
-- of: settings
-- expect: blocked
-- as the superuser
CREATE SCHEMA guard;
CREATE FUNCTION guard.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no % here', TG_TAG; END $$;
CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE TRIGGER', 'DROP FUNCTION') EXECUTE FUNCTION guard.refuse();
