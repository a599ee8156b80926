-- statement triggers with transition tables, refunds that refer to actions, a deferrable key over the trail
-- of: triggers
-- not with: ids_none, ids_uuid, ids_partitioned, ids_with_time
-- grows: public.changes
CREATE TABLE refunds (action_id bigint PRIMARY KEY REFERENCES credit_actions (id) ON DELETE RESTRICT, at timestamptz NOT NULL DEFAULT now());
ALTER TABLE refunds ENABLE ROW LEVEL SECURITY;
INSERT INTO refunds (action_id) SELECT id FROM credit_actions LIMIT 20;
CREATE TABLE changes (at timestamptz NOT NULL DEFAULT now(), n bigint);
ALTER TABLE changes ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION count_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN INSERT INTO changes (n) SELECT count(*) FROM now_so JOIN was USING (id); RETURN NULL; END $$;
REVOKE ALL ON FUNCTION count_changes() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER count_changes AFTER UPDATE ON organizations REFERENCING OLD TABLE AS was NEW TABLE AS now_so FOR EACH STATEMENT EXECUTE FUNCTION count_changes();
CREATE STATISTICS trail_types (ndistinct) ON organization_id, action_type FROM credit_actions;
ALTER TABLE credit_actions ADD CONSTRAINT one_at_a_time UNIQUE (organization_id, action_type, created_at, id) DEFERRABLE INITIALLY DEFERRED;
