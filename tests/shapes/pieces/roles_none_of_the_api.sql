-- there are none of the roles of an API, only those of the application
-- of: roles
-- not with: roles_granted, roles_members, roles_narrow, roles_no_api, roles_passed_on, about_granted, about_invoker, tenancy_function, tenancy_members, tenancy_none, tenancy_open, tenancy_plan_writable, tenancy_public, tenancy_setting, tenancy_slow, tenancy_admins, tenancy_app_metadata, around_crm, around_foreign_table, around_inheritance, around_names_taken, around_row_type_column, around_row_types, around_top_ups, around_views, balance_booked_by_actions, balance_booked_by_statement, balance_booked_deferred, balance_mirrored, ids_partitioned, schema_elsewhere, settings_roles, tenancy_self_service, triggers_guard, triggers_history, triggers_notify, triggers_transition_tables, types_table, tenancy_role_of_its_own, tenancy_signed_in, tenancy_profiles, tenancy_lists, tenancy_agencies, function_does_more
ALTER POLICY "Members read their organization" ON organizations TO organization_user;
ALTER POLICY "Members update their organization" ON organizations TO organization_user;
ALTER POLICY "Members read their credits" ON organization_credits TO organization_user;
ALTER POLICY "Members read their actions" ON credit_actions TO organization_user;
GRANT USAGE ON SCHEMA public, auth TO organization_user;
GRANT SELECT, UPDATE (name) ON organizations TO organization_user;
GRANT SELECT ON organization_credits, credit_actions TO organization_user;
-- as the superuser
CREATE ROLE crm_app LOGIN BYPASSRLS;
GRANT crm_app TO guardian;
GRANT USAGE ON SCHEMA public, auth TO crm_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON organizations, organization_credits, credit_actions TO crm_app;
DROP OWNED BY anon, authenticated, service_role;
REVOKE authenticated FROM organization_user;
ALTER ROLE anon RENAME TO "no anon";
ALTER ROLE authenticated RENAME TO "no authenticated";
ALTER ROLE service_role RENAME TO "no service_role";
