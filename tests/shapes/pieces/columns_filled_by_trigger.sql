-- the trail demands a running balance and a tenant, which a trigger fills in
-- of: columns
-- not with: ids_partitioned, ids_partitioned_by_type, counters_numeric, counters_beyond_integer, keys_duplicates
ALTER TABLE credit_actions ADD balance_after bigint, ADD tenant_ref uuid, ADD request_id text;
UPDATE credit_actions SET balance_after = 0, tenant_ref = organization_id;
ALTER TABLE credit_actions ALTER balance_after SET NOT NULL, ALTER tenant_ref SET NOT NULL;
CREATE UNIQUE INDEX ON credit_actions (organization_id, request_id) NULLS DISTINCT WHERE request_id IS NOT NULL;
CREATE FUNCTION fill_action() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN NEW.balance_after := COALESCE((SELECT remaining_credits FROM organization_credits c WHERE c.organization_id = NEW.organization_id), 0); NEW.tenant_ref := NEW.organization_id; RETURN NEW; END $$;
REVOKE ALL ON FUNCTION fill_action() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER fill_action BEFORE INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION fill_action();
