-- triggers find functions by a path that the database sets
-- of: triggers
-- expect: blocked
-- not with: columns_no_stamps
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO anon, authenticated, service_role;
CREATE FUNCTION app.usual_note(n integer, kind text) RETURNS text LANGUAGE sql AS $$ SELECT format('Consumed %s %s credits', n, kind) $$;
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := stamp_time(); RETURN NEW; END $$;
CREATE FUNCTION app.stamp_time() RETURNS timestamptz LANGUAGE sql AS $$ SELECT now() $$;
CREATE TRIGGER touch BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE TRIGGER touch BEFORE UPDATE ON organization_credits FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE FUNCTION app.fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.description := coalesce(NEW.description, usual_note(NEW.credits_consumed, NEW.action_type)); PERFORM stamp_time(); RETURN NEW; END $$;
CREATE TRIGGER fill BEFORE INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION app.fill();
-- as the superuser
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, app, extensions', current_database()); EXECUTE format('ALTER ROLE guardian IN DATABASE %I RESET search_path', current_database()); END $$;
