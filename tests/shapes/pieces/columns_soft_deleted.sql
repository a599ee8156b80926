-- organizations are never deleted, only marked; the trail has generated columns, and columns were dropped in between
-- of: columns
-- not with: columns_never_empty, ids_partitioned, ids_partitioned_by_type, tenancy_agencies, counters_bigint, counters_numeric, counters_beyond_integer, types_domain_of_costs
ALTER TABLE organizations ADD deleted_at timestamptz, ADD slug text, ADD legacy_code text;
UPDATE organizations SET slug = 'o-' || left(id::text, 13);
ALTER TABLE organizations DROP COLUMN legacy_code;
CREATE UNIQUE INDEX organizations_slug ON organizations (slug) WHERE deleted_at IS NULL;
UPDATE organizations SET deleted_at = now() WHERE id IN (SELECT id FROM organizations ORDER BY id OFFSET 3 LIMIT 5);
CREATE FUNCTION keep_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN UPDATE organizations SET deleted_at = now() WHERE id = OLD.id AND deleted_at IS NULL; RETURN NULL; END $$;
CREATE TRIGGER keep_deleted BEFORE DELETE ON organizations FOR EACH ROW EXECUTE FUNCTION keep_deleted();
CREATE VIEW live_organizations WITH (security_invoker = true) AS SELECT id, slug FROM organizations WHERE deleted_at IS NULL;
ALTER TABLE credit_actions ADD scratch integer, ADD day date GENERATED ALWAYS AS ((created_at AT TIME ZONE 'UTC')::date) STORED, ADD is_free boolean GENERATED ALWAYS AS (credits_consumed = 0) STORED;
ALTER TABLE credit_actions DROP COLUMN scratch;
CREATE INDEX credit_actions_day ON credit_actions (day);
