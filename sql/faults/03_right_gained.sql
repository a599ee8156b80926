-- task: 3
-- check: nobody holds what nobody held before, but on what the migration made
-- trigger: Access control failures
-- reason: a role got a right of its own that it has had through another one, and keeps it when that one loses it
GRANT SELECT (id) ON organizations TO organization_user;
