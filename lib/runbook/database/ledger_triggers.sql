-- Triggers of others, kept still for the rows of a backfill alone: each gets a condition that is false in its batches,
-- which no other session can meet, and keeps its name, its function and its place.

CREATE TABLE IF NOT EXISTS runbook.quiet_triggers (
    relation   text NOT NULL,
    name       text NOT NULL,
    definition text NOT NULL, -- as it was
    quiet      text NOT NULL, -- as it became
    enabled    "char" NOT NULL,
    PRIMARY KEY (relation, name)
);

-- Keep the row triggers for UPDATE still: those that change the row (before), or all; none changes nothing.
CREATE OR REPLACE FUNCTION runbook.keep_triggers_still(on_table regclass, which text) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    this record;
    head text;
    condition text;
BEGIN
    FOR this IN
        SELECT oid, tgname, tgenabled, pg_get_triggerdef(oid) AS definition
        FROM pg_trigger
        WHERE tgrelid = on_table
          AND NOT tgisinternal
          AND tgconstraint = 0
          AND tgtype & 16 = 16 -- UPDATE
          AND tgenabled IN ('O', 'A')
          AND (which = 'all' OR which = 'before' AND tgtype & 2 = 2)
          AND pg_get_triggerdef(oid) NOT LIKE '%runbook.first%'
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_trigger'::regclass AND objid = pg_trigger.oid AND deptype = 'e')
        ORDER BY tgname
    LOOP
        head := left(this.definition, length(this.definition) - strpos(reverse(this.definition), reverse(' EXECUTE FUNCTION ')) - 17);
        condition := substr(head, NULLIF(strpos(head, ' WHEN ('), 0) + 6);
        EXECUTE regexp_replace(
            CASE WHEN condition IS NULL THEN head ELSE left(head, strpos(head, ' WHEN (') - 1) END,
            '^CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER'
        ) || format(
            ' WHEN (%s(session_user <> %L OR COALESCE(current_setting(''runbook.first'', true), '''') = ''''))',
            condition || ' AND ', session_user
        ) || substr(this.definition, length(head) + 1);
        EXECUTE format('ALTER TABLE %s ENABLE %s TRIGGER %I', on_table, CASE this.tgenabled WHEN 'A' THEN 'ALWAYS' END, this.tgname);
        INSERT INTO runbook.quiet_triggers (relation, name, definition, quiet, enabled)
        SELECT on_table::text, this.tgname, this.definition, pg_get_triggerdef(oid), this.tgenabled
        FROM pg_trigger WHERE tgrelid = on_table AND tgname = this.tgname
        ON CONFLICT (relation, name) DO UPDATE
        SET definition = excluded.definition, quiet = excluded.quiet, enabled = excluded.enabled;
        RETURN NEXT this.tgname;
    END LOOP;
END
$$;

-- Repeat a trigger on every table that inherits its own: PostgreSQL fires none of a parent's for rows written there.
CREATE OR REPLACE FUNCTION runbook.repeat_in_heirs(on_table regclass, trigger_name name) RETURNS SETOF regclass
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    heir regclass;
    definition text;
    place text;
BEGIN
    SELECT
        regexp_replace(pg_get_triggerdef(pg_trigger.oid), '^CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER'),
        format(' ON %I.%I ', nspname, relname)
    INTO STRICT definition, place
    FROM pg_trigger
    JOIN pg_class ON pg_class.oid = tgrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE tgrelid = on_table AND tgname = trigger_name;
    FOR heir IN
        WITH RECURSIVE heirs (relation) AS (
            SELECT on_table::oid
            UNION
            SELECT inhrelid FROM heirs JOIN pg_inherits ON inhparent = relation
        )
        SELECT relation
        FROM heirs
        JOIN pg_class ON pg_class.oid = relation
        WHERE relation <> on_table AND NOT relispartition -- partitions have it already
        ORDER BY relation
    LOOP
        EXECUTE overlay(definition PLACING format(' ON %s ', heir) FROM strpos(definition, place) FOR length(place));
        RETURN NEXT heir;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION runbook.repeat_in_heirs(regclass, name) FROM PUBLIC;

-- Give the triggers back as they were; one that somebody changed or dropped since stays so.
CREATE OR REPLACE FUNCTION runbook.give_back_triggers(on_table regclass) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    this runbook.quiet_triggers;
BEGIN
    FOR this IN SELECT * FROM runbook.quiet_triggers WHERE relation = on_table::text ORDER BY name LOOP
        IF EXISTS (
            SELECT FROM pg_trigger WHERE tgrelid = on_table AND tgname = this.name AND pg_get_triggerdef(oid) = this.quiet
        ) THEN
            EXECUTE regexp_replace(this.definition, '^CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER');
            EXECUTE format('ALTER TABLE %s ENABLE %s TRIGGER %I', on_table, CASE this.enabled WHEN 'A' THEN 'ALWAYS' END, this.name);
            RETURN NEXT this.name;
        END IF;
    END LOOP;
    DELETE FROM runbook.quiet_triggers WHERE relation = on_table::text;
END
$$;

REVOKE ALL ON FUNCTION runbook.keep_triggers_still(regclass, text), runbook.give_back_triggers(regclass) FROM PUBLIC;
