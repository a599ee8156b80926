-- a view over the trail takes rows by a rule, one over balances by a trigger; others count, and one is materialized
-- of: around
-- not with: ids_none, types_enum, types_domain_of_enum, types_domain, types_domain_of_domains, counters_bigint, around_citext, around_collations
CREATE VIEW action_log WITH (security_invoker = true) AS SELECT id, organization_id, action_type, credits_consumed, description FROM credit_actions;
CREATE RULE action_log_insert AS ON INSERT TO action_log DO INSTEAD INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description) VALUES (NEW.organization_id, NEW.action_type, NEW.credits_consumed, NEW.description) RETURNING id, organization_id, action_type, credits_consumed, description;
CREATE RULE action_log_delete AS ON DELETE TO action_log DO INSTEAD NOTHING;
CREATE VIEW balances WITH (security_invoker = true, security_barrier = true) AS SELECT o.id, o.name, c.total_credits, c.remaining_credits FROM organizations o JOIN organization_credits c ON c.organization_id = o.id;
CREATE FUNCTION write_balance() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$ BEGIN UPDATE organizations SET name = NEW.name WHERE id = OLD.id; RETURN NEW; END $$;
CREATE TRIGGER write_balance INSTEAD OF UPDATE ON balances FOR EACH ROW EXECUTE FUNCTION write_balance();
CREATE VIEW running WITH (security_invoker = true) AS SELECT organization_id, created_at, sum(credits_consumed) OVER (PARTITION BY organization_id ORDER BY created_at, id) AS total FROM credit_actions;
CREATE MATERIALIZED VIEW monthly AS SELECT organization_id, date_trunc('month', created_at) AS month, sum(credits_consumed) AS credits FROM credit_actions GROUP BY 1, 2;
CREATE UNIQUE INDEX ON monthly (organization_id, month);
REVOKE ALL ON monthly FROM anon, authenticated;
CREATE STATISTICS by_plan (dependencies) ON plan_name, status FROM organizations;
CREATE FUNCTION consume_from_log() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$ BEGIN RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER seen AFTER INSERT ON credit_actions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION consume_from_log();
