-- task: 3
-- check: nobody has lost what the migration does not take
-- trigger: Access control failures
-- reason: the server may no longer empty a table, which it could before, and no tenant can see it
REVOKE TRUNCATE ON organizations FROM service_role;
