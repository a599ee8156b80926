-- a new organization gets its balance, an owner and an action by triggers
-- of: triggers
-- not with: ids_partitioned, ids_partitioned_by_type, types_check, types_domain, types_enum, types_domain_of_enum, types_domain_of_domains, types_table, types_domain_of_costs, types_positive, types_check_not_valid, types_short_domains, columns_no_defaults, columns_balance_of_a_period, columns_never_empty, columns_strict_trail, columns_somebody_acts, balance_generated, balance_mirrored, counters_beyond_integer, keys_deferrable, keys_set_null, keys_none, sizes_no_balances, around_view_rules, around_bases, around_parts_elsewhere
CREATE TABLE memberships (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE, "user" name NOT NULL DEFAULT current_user, UNIQUE NULLS NOT DISTINCT (organization_id, "user"));
ALTER TABLE memberships ENABLE ROW LEVEL SECURITY; REVOKE ALL ON memberships FROM anon, authenticated;
CREATE FUNCTION a_birth() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN INSERT INTO memberships (organization_id) VALUES (NEW.id); INSERT INTO organization_credits (organization_id, total_credits, remaining_credits) VALUES (NEW.id, COALESCE(NEW.total_credits, 0), COALESCE(NEW.total_credits, 0)); INSERT INTO credit_actions (organization_id, action_type, description) VALUES (NEW.id, 'signup', NULL); RETURN NEW; END $$;
REVOKE ALL ON FUNCTION a_birth() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER a_birth AFTER INSERT ON organizations FOR EACH ROW EXECUTE FUNCTION a_birth();
ALTER TABLE credit_actions ALTER created_at SET DEFAULT timezone('utc'::text, now()), ALTER created_at TYPE timestamptz(0);
ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey, ADD FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE;
