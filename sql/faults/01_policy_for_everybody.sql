-- task: 1
-- check: nothing stands open that the migration leaves open
-- trigger: Data integrity problems found
-- reason: a policy that asks nobody who is calling stood there before
CREATE POLICY "Everybody updates" ON organizations FOR UPDATE TO authenticated USING (true);
