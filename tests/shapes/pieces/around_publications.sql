-- everything is published
-- of: around
-- not with: around_citext
-- as the superuser
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE PUBLICATION "Some Columns" FOR TABLE public.organizations (id, name) WHERE (id IS NOT NULL) WITH (publish = 'insert');
