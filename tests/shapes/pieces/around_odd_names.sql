-- names with capitals, blanks and quotes all around
-- of: around
-- expect: acceptance
-- not with: counters_numeric, function_text, function_reordered, function_none, function_bigint, function_more_arguments, function_without_names, about_overloads, columns_own_id_of_credits, keys_not_unique, keys_duplicates, ids_partitioned, ids_partitioned_by_type, tenancy_none, tenancy_setting, tenancy_role_of_its_own, roles_none_of_the_api, around_collations, around_citext, plans_varchar
CREATE SCHEMA "Sales & Co";
CREATE TABLE "Sales & Co"."Order Items" ("Item No" integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "Org" uuid REFERENCES organizations ON DELETE CASCADE, "Price (€)" numeric, "e-mail" text);
ALTER TABLE organizations ADD "Credit Limit" integer NOT NULL DEFAULT 0 CONSTRAINT "Limit >= 0" CHECK ("Credit Limit" >= 0), ADD "user" text, ADD "It's" text DEFAULT 'x';
ALTER TABLE credit_actions ADD "Total ""Net""" numeric GENERATED ALWAYS AS (credits_consumed * 2) STORED;
CREATE FUNCTION "Sales & Co"."Set It"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW."user" := current_user; RETURN NEW; END $$;
CREATE TRIGGER "Set It's User" BEFORE UPDATE ON organizations FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION "Sales & Co"."Set It"();
ALTER POLICY "Members read their credits" ON organization_credits RENAME TO "O'Neil's ""policy"" %s {x}";
ALTER INDEX idx_credit_actions_organization_created RENAME TO "Idx: by org, date";
ALTER TABLE organization_credits RENAME CONSTRAINT organization_credits_pkey TO "Primary key of ""Credits""";
CREATE VIEW "Sales & Co"."All Orgs" WITH (security_invoker) AS SELECT name AS "Name of Org", "Credit Limit" FROM organizations;
COMMENT ON TABLE organizations IS 'Org''s <script>alert(1)</script> $a_b$ | {x} %s \ end';
COMMENT ON COLUMN organizations.total_credits IS '**bold** | `x` $y$';
-- as the superuser
CREATE ROLE "Data Team (EU)"; GRANT "Data Team (EU)" TO guardian; CREATE ROLE "o'brien";
-- as the owner
GRANT SELECT, UPDATE (name) ON organizations TO "Data Team (EU)" WITH GRANT OPTION; GRANT SELECT ON organization_credits TO "o'brien";
GRANT EXECUTE ON FUNCTION consume_credits_rpc TO "o'brien";
