-- task: 4
-- check: one cached plan serves each tenant its own balance alone
-- trigger: Caching issues causing stale data
-- point: before the check
-- reason: a policy shows every organization to every tenant
CREATE POLICY everybody ON organizations FOR SELECT TO authenticated USING (true);
