-- a trigger lets tenants change nothing but a name
-- of: triggers
-- expect: blocked
CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$ BEGIN
  IF current_setting('role') IN ('authenticated', 'organization_user') AND to_jsonb(NEW) - 'name' - 'updated_at' IS DISTINCT FROM to_jsonb(OLD) - 'name' - 'updated_at' THEN RAISE EXCEPTION 'only a name'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER guard BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION guard();
