-- organizations go by a number, drawn from a sequence, and their tokens say it
-- of: keys
-- id: bigint
-- not with: columns_soft_deleted, about, tenancy, triggers, around, roles, schema, ids_partitioned, ids_partitioned_by_type
CREATE FUNCTION number_of(uuid) RETURNS bigint LANGUAGE sql AS $$ SELECT ('x' || left(replace($1::text, '-', ''), 14))::bit(56)::bigint $$;
DROP POLICY "Members read their organization" ON organizations; DROP POLICY "Members update their organization" ON organizations;
DROP POLICY "Members read their credits" ON organization_credits; DROP POLICY "Members read their actions" ON credit_actions;
DROP FUNCTION consume_credits_rpc;
CREATE FUNCTION consume_credits_rpc(p_organization_id bigint, p_action_type text, p_credits integer) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
CREATE TEMP TABLE keys AS SELECT conrelid::regclass AS "table", conname, attname, pg_get_constraintdef(c.oid) AS definition FROM pg_constraint AS c JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1] WHERE confrelid = 'organizations'::regclass AND conparentid = 0;
DO $$ DECLARE this record; BEGIN
  FOR this IN SELECT * FROM keys LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', this."table", this.conname); END LOOP;
  FOR this IN SELECT 'organizations' AS "table", 'id' AS attname UNION SELECT "table"::text, attname FROM keys LOOP
    EXECUTE format('ALTER TABLE %s ALTER %I DROP DEFAULT, ALTER %2$I TYPE bigint USING number_of(%2$I)', this."table", this.attname); END LOOP;
  FOR this IN SELECT * FROM keys LOOP EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', this."table", this.conname, this.definition); END LOOP;
END $$;
DROP TABLE keys;
DROP FUNCTION number_of;
ALTER TABLE organizations ALTER id ADD GENERATED ALWAYS AS IDENTITY;
CREATE POLICY "Members read their organization" ON organizations FOR SELECT TO authenticated USING (id = ((SELECT auth.jwt()) ->> 'organization_id')::bigint);
CREATE POLICY "Members update their organization" ON organizations FOR UPDATE TO authenticated USING (id = ((SELECT auth.jwt()) ->> 'organization_id')::bigint);
CREATE POLICY "Members read their credits" ON organization_credits FOR SELECT TO authenticated USING (organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::bigint);
CREATE POLICY "Members read their actions" ON credit_actions FOR SELECT TO authenticated USING (organization_id = ((SELECT auth.jwt()) ->> 'organization_id')::bigint);
