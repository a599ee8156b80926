-- a trigger sees to it that the two totals are one
-- of: triggers
-- not with: balance_generated, balance_kept_by_its_trigger, balance_mirrored, balance_booked_by_actions, balance_booked_by_statement, balance_booked_deferred, sizes_overdrawn, sizes_used_up, sizes_pruned, sizes_unused, counters_numeric, counters_beyond_integer, columns_null, columns_balance_in_bounds, columns_balance_of_a_period, around_top_ups, keys_duplicates
UPDATE organization_credits c SET total_credits = COALESCE(o.total_credits, 0), remaining_credits = COALESCE(o.total_credits, 0) - used_credits FROM organizations o WHERE o.id = organization_id AND c.total_credits IS DISTINCT FROM o.total_credits;
CREATE FUNCTION totals_match() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN IF EXISTS (SELECT FROM organization_credits c WHERE c.organization_id = NEW.id AND c.total_credits IS DISTINCT FROM COALESCE(NEW.total_credits, 0)) THEN RAISE EXCEPTION 'the totals of % differ', NEW.id; END IF; RETURN NULL; END $$;
REVOKE ALL ON FUNCTION totals_match() FROM PUBLIC, anon, authenticated;
CREATE CONSTRAINT TRIGGER totals_match AFTER UPDATE ON organizations DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW EXECUTE FUNCTION totals_match();
ALTER TABLE organization_credits ADD CONSTRAINT "sum" CHECK (total_credits - used_credits = remaining_credits);
