-- a schema that one visitor's role alone may use, policies for PUBLIC, the person in a setting, members in a table
-- of: schema
-- lies in: app_public
-- not with: function_none, about, triggers, tenancy, roles, around, balance, settings, keys, ids_partitioned, ids_partitioned_by_type, columns_soft_deleted
-- as the superuser
CREATE ROLE app_visitor NOLOGIN; GRANT app_visitor TO guardian; CREATE ROLE app_authenticator LOGIN NOINHERIT; GRANT app_visitor TO app_authenticator;
-- as the owner
CREATE SCHEMA app_public; CREATE SCHEMA app_private; CREATE SCHEMA app_hidden; GRANT USAGE ON SCHEMA app_public, app_hidden TO app_visitor;
ALTER TABLE organizations SET SCHEMA app_public; ALTER TABLE organization_credits SET SCHEMA app_public; ALTER TABLE credit_actions SET SCHEMA app_public; ALTER FUNCTION consume_credits_rpc SET SCHEMA app_public; ALTER FUNCTION app_public.consume_credits_rpc SET search_path = app_public, pg_temp;
CREATE TABLE app_public.users (id uuid PRIMARY KEY, username text, name text, avatar_url text, is_admin boolean NOT NULL DEFAULT false);
CREATE TABLE app_private.user_secrets (user_id uuid PRIMARY KEY REFERENCES app_public.users ON DELETE CASCADE, password_hash text, last_login_at timestamptz);
CREATE TABLE app_private.sessions (uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES app_public.users ON DELETE CASCADE, last_active timestamptz DEFAULT now());
CREATE TABLE app_public.organization_memberships (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), organization_id uuid NOT NULL REFERENCES app_public.organizations ON DELETE CASCADE, user_id uuid NOT NULL REFERENCES app_public.users ON DELETE CASCADE, is_owner boolean DEFAULT false, is_billing_contact boolean DEFAULT false, UNIQUE (organization_id, user_id));
INSERT INTO app_public.users SELECT md5('u' || id)::uuid, 'u' || left(id::text, 8), 'Somebody' FROM app_public.organizations;
INSERT INTO app_private.sessions (uuid, user_id) SELECT md5('s' || id)::uuid, id FROM app_public.users;
INSERT INTO app_public.organization_memberships (organization_id, user_id, is_owner) SELECT id, md5('u' || id)::uuid, true FROM app_public.organizations;
CREATE FUNCTION app_public.current_session_id() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT NULL::uuid $$;
CREATE FUNCTION app_public.current_user_id() RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$ SELECT nullif(current_setting('jwt.claims.user_id', true), '')::uuid $$;
CREATE FUNCTION app_public.current_user_member_organization_ids() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$ SELECT organization_id FROM app_public.organization_memberships WHERE user_id = app_public.current_user_id() $$;
ALTER TABLE app_public.users ENABLE ROW LEVEL SECURITY; ALTER TABLE app_public.organization_memberships ENABLE ROW LEVEL SECURITY; ALTER TABLE app_private.sessions ENABLE ROW LEVEL SECURITY; ALTER TABLE app_private.user_secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY select_all ON app_public.users FOR SELECT USING (id = app_public.current_user_id());
CREATE POLICY select_member ON app_public.organization_memberships FOR SELECT USING (organization_id IN (SELECT app_public.current_user_member_organization_ids()));
GRANT SELECT ON app_public.users, app_public.organization_memberships, app_public.organizations, app_public.organization_credits, app_public.credit_actions TO app_visitor; GRANT UPDATE (name) ON app_public.organizations TO app_visitor;
REVOKE ALL ON app_public.organizations, app_public.organization_credits, app_public.credit_actions FROM anon, authenticated, service_role;
REVOKE ALL ON FUNCTION app_public.consume_credits_rpc FROM PUBLIC, anon, authenticated, service_role; GRANT EXECUTE ON FUNCTION app_public.consume_credits_rpc TO app_visitor;
ALTER POLICY "Members read their organization" ON app_public.organizations TO PUBLIC USING (id IN (SELECT app_public.current_user_member_organization_ids()));
ALTER POLICY "Members update their organization" ON app_public.organizations TO PUBLIC USING (EXISTS (SELECT FROM app_public.organization_memberships m WHERE m.organization_id = organizations.id AND user_id = app_public.current_user_id() AND is_owner));
ALTER POLICY "Members read their credits" ON app_public.organization_credits TO PUBLIC USING (organization_id IN (SELECT app_public.current_user_member_organization_ids()));
ALTER POLICY "Members read their actions" ON app_public.credit_actions TO PUBLIC USING (organization_id IN (SELECT app_public.current_user_member_organization_ids()));
CREATE FUNCTION app_private.tg__timestamps() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$ BEGIN NEW.created_at = (CASE WHEN TG_OP = 'INSERT' THEN now() ELSE OLD.created_at END); NEW.updated_at = (CASE WHEN TG_OP = 'UPDATE' AND OLD.updated_at >= now() THEN OLD.updated_at + interval '1 millisecond' ELSE now() END); RETURN NEW; END $$;
CREATE TRIGGER _100_timestamps BEFORE INSERT OR UPDATE ON app_public.organizations FOR EACH ROW EXECUTE PROCEDURE app_private.tg__timestamps();
COMMENT ON TABLE app_public.organization_credits IS E'@omit create,update,delete'; COMMENT ON FUNCTION app_public.consume_credits_rpc IS E'@name consumeCredits';
