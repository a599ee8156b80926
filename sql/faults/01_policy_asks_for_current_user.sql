-- task: 1
-- check: no policy of organizations asks by a function for current_user
-- trigger: Data integrity problems found
-- reason: a policy's function lets the owner see everybody, and is asked by a function of the owner's from Task 2 on
CREATE FUNCTION is_staff() RETURNS BOOLEAN LANGUAGE sql STABLE AS $$ SELECT current_user = 'guardian' $$;

CREATE POLICY "Staff reads everybody" ON organizations FOR SELECT TO authenticated USING ((SELECT is_staff()));
