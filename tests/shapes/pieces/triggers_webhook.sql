-- a webhook of the platform: a trigger's function of another owner writes a queue that nobody else reads
-- of: triggers
-- not with: columns_no_stamps
-- grows: net.http_request_queue
-- as the superuser
CREATE EXTENSION IF NOT EXISTS moddatetime SCHEMA extensions;
CREATE SCHEMA net; CREATE TABLE net.http_request_queue (id bigserial, method text, url text, body jsonb);
CREATE SCHEMA supabase_functions; CREATE TABLE supabase_functions.hooks (id bigserial PRIMARY KEY, hook_table_id int NOT NULL, hook_name text NOT NULL, created_at timestamptz DEFAULT now(), request_id bigint);
CREATE FUNCTION supabase_functions.http_request() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = supabase_functions AS $$ BEGIN
 INSERT INTO net.http_request_queue (method, url, body) VALUES (TG_ARGV[1], TG_ARGV[0], jsonb_build_object('record', to_jsonb(NEW), 'type', TG_OP)); RETURN NEW; END $$;
GRANT USAGE ON SCHEMA supabase_functions, extensions TO guardian, anon, authenticated, service_role;
-- as the owner
CREATE TRIGGER handle_updated_at BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION extensions.moddatetime(updated_at);
CREATE TRIGGER "hook of actions" AFTER INSERT OR UPDATE ON credit_actions FOR EACH ROW EXECUTE FUNCTION supabase_functions.http_request('http://example.org', 'POST', '{"Content-type":"application/json"}', '{}', '1000');
