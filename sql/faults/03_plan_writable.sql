-- task: 3
-- check: everybody can do what is declared, and nothing else
-- trigger: Access control failures
-- reason: tenants may upgrade their own plan
GRANT UPDATE (plan_name) ON organizations TO authenticated;
