-- the API is a schema of views; nobody but the server sees the tables
-- of: around
-- not with: function_reordered, function_text, function_none, function_bigint, function_void, function_row, function_out, function_boolean, function_integer, function_composite, function_json, function_sql, about_overloads, counters_numeric, counters_bigint, counters_beyond_integer, roles_none_of_the_api, plans_enum, types_enum
CREATE SCHEMA api; GRANT USAGE ON SCHEMA api TO anon, authenticated, service_role;
REVOKE ALL ON organizations, organization_credits, credit_actions FROM anon, authenticated;
GRANT SELECT (id, name, plan_name, status), UPDATE (name) ON organizations TO authenticated;
GRANT SELECT ON organization_credits TO authenticated;
CREATE VIEW api.organizations WITH (security_invoker = true, security_barrier = true) AS SELECT id, name, plan_name, status FROM organizations WHERE status <> 'deleted' WITH CASCADED CHECK OPTION;
CREATE VIEW api.credits WITH (security_invoker = true) AS SELECT c.organization_id, c.total_credits, c.used_credits, c.remaining_credits, round(100.0 * c.used_credits / nullif(c.total_credits, 0), 1) AS percent FROM organization_credits c;
GRANT SELECT, UPDATE ON api.organizations TO authenticated, service_role; GRANT SELECT ON api.credits TO authenticated, service_role;
CREATE FUNCTION api.consume(org uuid, kind text, n integer DEFAULT 1, OUT ok boolean, OUT "left" integer) LANGUAGE plpgsql SECURITY INVOKER SET search_path = '' AS $$ DECLARE j jsonb; BEGIN j := public.consume_credits_rpc(org, kind, n); ok := (j ->> 'success')::boolean; "left" := (j ->> 'remaining_credits')::integer; END $$;
COMMENT ON VIEW api.credits IS E'<b>credits</b> & "left" | $x^2$\n`code`';
