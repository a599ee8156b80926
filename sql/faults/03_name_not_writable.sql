-- task: 3
-- check: everybody can do what is declared, and nothing else
-- trigger: Access control failures
-- reason: a tenant can no longer rename itself, as it rightly could before
REVOKE UPDATE (name) ON organizations FROM authenticated;
