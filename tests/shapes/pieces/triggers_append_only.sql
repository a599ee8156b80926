-- actions are only ever added: a trigger refuses any change of them
-- of: triggers
-- expect: blocked
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$ BEGIN RAISE EXCEPTION 'actions are never changed'; END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON credit_actions FOR EACH ROW EXECUTE FUNCTION refuse();
