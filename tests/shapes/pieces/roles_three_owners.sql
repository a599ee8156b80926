-- each table belongs to another role, of which the migration's is a member
-- of: roles
-- not with: roles_none_of_the_api, about_another_owner, schema_elsewhere, tenancy_owner_too, tenancy_none, tenancy_setting, around_heirs, around_inheritance, around_parts_elsewhere, ids_partitioned, ids_partitioned_by_type, settings_quoting
-- as the superuser
CREATE ROLE crm_owner; CREATE ROLE "Billing-Owner"; GRANT crm_owner, "Billing-Owner" TO guardian;
GRANT CREATE, USAGE ON SCHEMA public TO crm_owner, "Billing-Owner";
ALTER TABLE organizations OWNER TO crm_owner; ALTER TABLE organization_credits OWNER TO "Billing-Owner"; ALTER TABLE credit_actions OWNER TO "Billing-Owner"; GRANT USAGE ON SCHEMA auth TO crm_owner, "Billing-Owner";
GRANT REFERENCES, SELECT, UPDATE ON organizations TO "Billing-Owner";
