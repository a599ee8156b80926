-- task: 2
-- check: every trigger of the application fires again as it was found
-- trigger: Data migration errors or inconsistencies
-- point: before the check
-- reason: a stamp that was kept still for the backfill's rows stays still for everybody's
CREATE FUNCTION stamp() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := now(); RETURN NEW; END';
CREATE TRIGGER stamp BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION stamp();

INSERT INTO runbook.as_found (plan, name, value)
SELECT
    current_setting('runbook.plan'),
    'triggers of the application on the three tables, and what becomes of them',
    jsonb_build_array(jsonb_build_object('table', 'organizations', 'trigger', tgname, 'fires', pg_get_triggerdef(oid)))
FROM pg_trigger
WHERE tgname = 'stamp'
ON CONFLICT (plan, name) DO UPDATE SET value = excluded.value;

ALTER TABLE organizations DISABLE TRIGGER stamp;
