-- a CRM around the three tables: other tables with personal columns, functions, types, in public and beside it
-- of: around
CREATE TYPE lead_state AS ENUM ('new', 'won', 'lost');
CREATE TABLE leads (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), organization_id uuid REFERENCES organizations ON DELETE CASCADE, name text, email text, phone text, state lead_state NOT NULL DEFAULT 'new', score numeric);
ALTER TABLE leads ENABLE ROW LEVEL SECURITY;
CREATE POLICY "no leads yet" ON leads FOR ALL TO authenticated USING (false);
INSERT INTO leads (organization_id, name, email) SELECT id, 'Lead of ' || left(name, 40), 'lead@example.org' FROM organizations LIMIT 200;
CREATE SCHEMA crm;
CREATE TABLE crm."Notes" ("Id" serial PRIMARY KEY, "Lead" uuid REFERENCES leads, "Text" text);
CREATE FUNCTION on_sign_up() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION score(l leads) RETURNS numeric LANGUAGE sql STABLE AS $$ SELECT l.score $$;
CREATE AGGREGATE longest(text) (SFUNC = textcat, STYPE = text);
CREATE PROCEDURE tidy() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM leads WHERE state = 'lost'; END $$;
