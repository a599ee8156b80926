-- task: 3
-- check: every policy asks for the token, once per statement
-- trigger: RLS policies not protecting new columns
-- reason: a second policy lets every tenant read every row
CREATE POLICY "Everybody reads" ON organizations FOR SELECT TO authenticated USING (true);
