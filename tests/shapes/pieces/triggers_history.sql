-- a history of each of the three tables, written by one trigger function
-- of: triggers
-- grows: public.history
CREATE TABLE history (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT now(), "table" text, op text, "row" jsonb);
ALTER TABLE history ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON history FROM anon, authenticated;
CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN INSERT INTO history ("table", op, "row") VALUES (TG_TABLE_NAME, TG_OP, to_jsonb(COALESCE(NEW, OLD))); RETURN NULL; END $$;
REVOKE ALL ON FUNCTION keep_history() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER keep_history AFTER INSERT OR UPDATE OR DELETE ON organizations FOR EACH ROW EXECUTE FUNCTION keep_history();
CREATE TRIGGER keep_history AFTER INSERT OR UPDATE OR DELETE ON organization_credits FOR EACH ROW EXECUTE FUNCTION keep_history();
CREATE TRIGGER keep_history AFTER INSERT OR UPDATE OR DELETE ON credit_actions FOR EACH ROW EXECUTE FUNCTION keep_history();
