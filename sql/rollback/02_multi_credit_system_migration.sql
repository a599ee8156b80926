-- Gives back the single pool, while customers keep consuming: first the bridge again, then organization by organization,
-- then what stood before. Each part can run again, from whatever state a killed one left.

-- %%deployed consume-credits
-- The Edge Function goes first: the database's function serves the old one and the new one
-- needs: supabase_project_ref, SUPABASE_ACCESS_TOKEN
-- run: npx --yes supabase@3 functions deploy consume-credits --remote={supabase_project_ref} --use-api --yes --workdir {folder}

-- %%sql --note "old balances before"
-- What the old pools hold
SELECT COUNT(*) AS organizations, SUM(total_credits) AS total, SUM(used_credits) AS used, SUM(remaining_credits) AS remaining
FROM organization_credits;

-- %%sql --retry
-- What was added to the four pools since, or taken from them, no old pool knows: it is noted, so that it can be given
-- back by hand. A pool that is what the plan of then says, or that of today, is as the migration made it.
CREATE TABLE IF NOT EXISTS runbook.pools_changed (organization_id TEXT PRIMARY KEY, added NUMERIC NOT NULL);

DO $back$
BEGIN
    IF to_regproc('public.plan_credits') IS NOT NULL AND to_regclass('runbook.used_before') IS NOT NULL THEN
        -- What a rollback left that was killed, before they went forward again
        DELETE FROM runbook.pools_changed AS changed USING organizations AS o
        WHERE o.id::TEXT = changed.organization_id AND o.credits_migrated_at IS NOT NULL;
        INSERT INTO runbook.pools_changed
        SELECT o.id::TEXT, credits.given - credits.as_migrated
        FROM organizations AS o
        LEFT JOIN runbook.used_before AS was ON was.organization_id = o.id AND was.migrated_at = o.credits_migrated_at
        CROSS JOIN LATERAL (
            SELECT
                o.ai_credits::NUMERIC + o.whatsapp_credits + o.email_credits + o.sms_credits AS given,
                (SELECT SUM(plan_credits(pool, o.plan_name::TEXT, o.total_credits)::NUMERIC) FROM unnest(pools) AS pool) AS today,
                (
                    SELECT SUM(plan_credits(pool, CASE WHEN was.organization_id IS NULL THEN o.plan_name::TEXT ELSE was.plan_name END,
                        CASE WHEN was.organization_id IS NULL THEN o.total_credits ELSE was.total_credits END)::NUMERIC)
                    FROM unnest(pools) AS pool
                ) AS as_migrated
            FROM (VALUES (ARRAY['ai', 'whatsapp', 'email', 'sms'])) AS names (pools)
        ) AS credits
        WHERE o.credits_migrated_at IS NOT NULL AND credits.given NOT IN (credits.today, credits.as_migrated);
    END IF;
END
$back$;

-- %%sql --retry
-- The bridge comes in again: from here on each call asks whether its organization still has four pools. Organizations
-- born from now on get none.
DO $back$
DECLARE
    definition TEXT;
    trigger_name TEXT;
BEGIN
    IF to_regclass('runbook.consumption') IS NOT NULL THEN
        SELECT bridge INTO definition FROM runbook.consumption;
        IF definition IS NOT NULL THEN
            -- The function that goes locks the organization alone, so here the organization comes first
            EXECUTE replace($function$
                CREATE OR REPLACE FUNCTION runbook.awaits_migration(organization UUID) RETURNS BOOLEAN
                LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
                AS $$
                #variable_conflict use_variable
                BEGIN
                    RETURN (SELECT credits_migrated_at IS NULL FROM public.organizations WHERE id = organization FOR NO KEY UPDATE);
                END
                $$
                $function$, 'UUID', runbook.key_type());
            EXECUTE definition;
        END IF;
    END IF;

    FOR trigger_name IN
        SELECT tgname
        FROM pg_trigger
        WHERE tgrelid = 'organizations'::REGCLASS AND tgname = '00_allocate_new_organization' AND tgenabled <> 'D'
    LOOP
        EXECUTE format('ALTER TABLE organizations DISABLE TRIGGER %I', trigger_name);
    END LOOP;

    -- What the old function needs of rights, it has again; those on the new columns come last.
    PERFORM runbook.give_back_rights('Task 2: the old pool');
    PERFORM runbook.give_back_rights('Task 2: the bridge');
    PERFORM runbook.keep_triggers_still('organizations', 'before');
END
$back$;

CREATE TABLE IF NOT EXISTS runbook.folded_back AS
SELECT
    id AS organization_id,
    0::NUMERIC AS used, -- what its old pool says
    0::NUMERIC AS since, -- used since the migration
    0::NUMERIC AS due, -- … and before it
    0::NUMERIC AS total, -- of its old pool, or of the one it would have had
    TRUE AS had_pool,
    TRUE AS is_born -- since the migration
FROM organizations
WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS folded_back_organization_id ON runbook.folded_back (organization_id);

-- Gives a range of organizations their old pool back, as a statement about a state: used is what it was when the
-- organization was migrated, less what was given back there since, plus what its four pools have used since. Total is never written: what was bought stays.
-- Once they have no marker, their calls debit the old pool.
DO $back$
DECLARE
    is_generated BOOLEAN := (
        SELECT attgenerated <> '' FROM pg_attribute WHERE attrelid = 'organization_credits'::REGCLASS AND attname = 'remaining_credits'
    );
    keeps_itself BOOLEAN := is_generated;
    is_booked BOOLEAN; -- NULL: nobody knows
    is_stamped BOOLEAN := EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = 'organization_credits'::REGCLASS AND attname = 'updated_at' AND attgenerated = ''
    );
    was RECORD;
BEGIN
    -- Does a trigger keep what remains? Try it where something is left, and undo it
    BEGIN
        SELECT ctid, remaining_credits INTO was FROM organization_credits ORDER BY remaining_credits <= 0, remaining_credits LIMIT 1;
        PERFORM set_config('runbook.compares', 'what remains', TRUE);
        UPDATE organization_credits SET used_credits = used_credits + 1 WHERE ctid = was.ctid RETURNING remaining_credits <> was.remaining_credits INTO keeps_itself;
        RAISE EXCEPTION USING ERRCODE = 'RB000';
    EXCEPTION
        WHEN SQLSTATE 'RB000' THEN
            keeps_itself := COALESCE(keeps_itself, is_generated);
        WHEN check_violation THEN
            keeps_itself := is_generated; -- a constraint asks that both are written together
    END;

    -- Does a trigger book there what the trail says? Tried in the same way, with each type
    BEGIN
        SELECT organization_id, used_credits INTO was FROM organization_credits ORDER BY remaining_credits DESC NULLS LAST LIMIT 1;
        INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description, created_at)
        VALUES
            (was.organization_id, 'ai_chat', 1, 'Tried', now()), (was.organization_id, 'whatsapp_message', 1, 'Tried', now()),
            (was.organization_id, 'email_send', 1, 'Tried', now()), (was.organization_id, 'sms_send', 1, 'Tried', now());
        SET CONSTRAINTS ALL IMMEDIATE;
        SELECT CASE COALESCE(used_credits, 0) - COALESCE(was.used_credits, 0) WHEN 0 THEN FALSE WHEN 4 THEN TRUE END
        INTO is_booked FROM organization_credits WHERE organization_id = was.organization_id;
        RAISE EXCEPTION USING ERRCODE = 'RB000';
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;

    CREATE OR REPLACE FUNCTION runbook.fold_back(from_row TID, to_row TID, OUT rows BIGINT, OUT pools BIGINT, OUT pools_due BIGINT)
    LANGUAGE plpgsql SET search_path = public, extensions, pg_temp
    AS $$ BEGIN rows := 0; pools := 0; pools_due := 0; END $$; -- there is nothing of ours

    CREATE OR REPLACE FUNCTION runbook.count_folded_back() RETURNS BIGINT LANGUAGE sql AS 'SELECT 0::BIGINT';

    IF to_regclass('runbook.used_before') IS NULL OR NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = 'organizations'::REGCLASS AND attname = 'credits_migrated_at' AND NOT attisdropped
    ) THEN
        RETURN;
    END IF;

    -- What a rollback left that was killed, before they went forward again
    DELETE FROM runbook.folded_back AS f USING organizations AS o
    WHERE o.id = f.organization_id AND o.credits_migrated_at IS NOT NULL;

    CREATE OR REPLACE FUNCTION runbook.count_folded_back() RETURNS BIGINT
    LANGUAGE sql
    AS $$
        SELECT (SELECT COUNT(*) FROM runbook.used_before AS was JOIN public.organizations AS o ON o.id = was.organization_id
                WHERE NOT EXISTS (SELECT FROM runbook.folded_back AS f WHERE f.organization_id = o.id AND is_born))
             + (SELECT COUNT(*) FROM runbook.folded_back WHERE is_born)
    $$;

    EXECUTE replace(replace(replace(replace(replace(replace($function$
        CREATE OR REPLACE FUNCTION runbook.fold_back(from_row TID, to_row TID, OUT rows BIGINT, OUT pools BIGINT, OUT pools_due BIGINT)
        LANGUAGE plpgsql SET search_path = public, extensions, pg_temp
        AS $$
        #variable_conflict use_variable
        DECLARE
            these UUID[];
            idle UUID[];
            idle_used NUMERIC[];
            changed runbook.folded_back[];
            born runbook.folded_back;
        BEGIN
            -- So that this counts as a backfill's batch, by hand too
            PERFORM set_config('runbook.first', from_row::TEXT, TRUE);

            -- Locked first: the statements below see what calls under way have left
            SELECT array_agg(id) INTO these
            FROM (
                SELECT id FROM organizations
                WHERE ctid >= from_row AND ctid < to_row AND credits_migrated_at IS NOT NULL
                FOR NO KEY UPDATE
            ) AS locked;
            rows := COALESCE(cardinality(these), 0);

            IF rows > 0 THEN
                -- What others are doing to the old pools is seen too, and they wait
                PERFORM FROM organization_credits WHERE organization_id = ANY (these) FOR NO KEY UPDATE;

                -- Kept is only what is to be told and looked at: whose old pool changes
                WITH books AS MATERIALIZED (
                    SELECT
                        o.id AS organization_id, of_old_pool.due, counted.since,
                        CASE
                            WHEN c.organization_id IS NOT NULL THEN c.total_credits
                            WHEN was.organization_id IS NOT NULL THEN counted.since
                            ELSE COALESCE(o.total_credits, 0)
                        END AS total,
                        c.organization_id IS NOT NULL AS had_pool, was.organization_id IS NULL AS is_born,
                        was.organization_id IS NOT NULL AND counted.since = 0 AND COALESCE(c.used_credits, 0) = of_old_pool.due AS is_idle
                    FROM organizations AS o
                    LEFT JOIN runbook.used_before AS was ON was.organization_id = o.id AND was.migrated_at = o.credits_migrated_at
                    LEFT JOIN organization_credits AS c ON c.organization_id = o.id
                    CROSS JOIN LATERAL (
                        -- If both the pools and the old one were set back since, what was carried over is gone from both.
                        SELECT counters - CASE
                            WHEN counters < carried AND counters + COALESCE(c.used_credits, 0) < carried
                                THEN GREATEST(c.used_credits, 0)
                            ELSE carried
                        END AS since
                        FROM (
                            SELECT COALESCE(was.carried, 0) AS carried,
                                o.ai_used_credits::NUMERIC + o.whatsapp_used_credits + o.email_used_credits + o.sms_used_credits AS counters
                        ) AS these_pools
                    ) AS counted
                    -- Whatever others did there since stays so: a refund, a new month, another balance that was added. What a
                    -- trigger books there counts once.
                    CROSS JOIN LATERAL (
                        SELECT CASE WHEN c.organization_id IS NULL THEN counted.since ELSE /*due*/ END AS due
                    ) AS of_old_pool
                    WHERE o.id = ANY (these)
                ),
                kept AS (
                    INSERT INTO runbook.folded_back AS f (organization_id, used, since, due, total, had_pool, is_born)
                    SELECT organization_id, due, since, due, total, had_pool, is_born
                    FROM books
                    WHERE is_idle IS NOT TRUE
                    ON CONFLICT (organization_id) DO UPDATE
                    SET used = excluded.used, since = excluded.since, due = excluded.due, total = excluded.total,
                        had_pool = excluded.had_pool, is_born = excluded.is_born
                    RETURNING f AS state
                )
                SELECT
                    (SELECT array_agg(state) FROM kept),
                    array_agg(organization_id) FILTER (WHERE is_idle), array_agg(due) FILTER (WHERE is_idle)
                INTO changed, idle, idle_used
                FROM books;

                -- Before its old pool is written, so that whoever debits that directly is refused until both are done
                UPDATE organizations SET credits_migrated_at = NULL/*begun*/ WHERE id = ANY (these);

                FOR turn IN 1 .. 2 LOOP
                    BEGIN
                        UPDATE organization_credits AS c
                        SET used_credits = state.used/*columns*/
                        FROM unnest(changed) AS state
                        WHERE c.organization_id = state.organization_id
                          AND COALESCE(c.used_credits, 0) <> state.used;
                        EXIT;
                    EXCEPTION WHEN check_violation OR raise_exception THEN
                        IF turn = 2 THEN
                            RAISE;
                        END IF;
                        -- Balances that refuse debt: whoever has used more than it had has nothing left, and is named.
                        WITH less AS (
                            UPDATE runbook.folded_back AS f SET used = LEAST(used, GREATEST(total, due - since))
                            WHERE organization_id = ANY (these)
                            RETURNING f AS state
                        )
                        SELECT array_agg(state) INTO changed FROM less;
                    END;
                END LOOP;

                -- An organization born meanwhile gets the balance it would have had; one that never had an old pool gets one
                -- that holds what it consumed, and not a credit to spend. If the table refuses it, it is named.
                FOR born IN
                    SELECT * FROM unnest(changed) WHERE NOT had_pool AND (since > 0 OR is_born)
                LOOP
                    BEGIN
                        INSERT INTO organization_credits (organization_id, total_credits, used_credits/*remaining*/)
                        VALUES (born.organization_id, born.total, born.used/*left*/);
                    EXCEPTION
                        WHEN not_null_violation OR check_violation OR raise_exception THEN
                            UPDATE runbook.folded_back SET used = 0 WHERE organization_id = born.organization_id;
                        WHEN unique_violation THEN
                            RAISE EXCEPTION USING ERRCODE = 'serialization_failure', -- so that the batch is done again
                                MESSAGE = format('Somebody has just made the balance of %s', born.organization_id);
                    END;
                END LOOP;

                DELETE FROM credit_actions WHERE organization_id = ANY (these) AND action_type = 'migration';
            END IF;

            SELECT COUNT(*) FILTER (WHERE COALESCE(c.used_credits, 0) = f.used), COUNT(*)
            INTO pools, pools_due
            FROM (
                SELECT organization_id, used FROM unnest(changed)
                UNION ALL
                SELECT * FROM unnest(idle, idle_used)
            ) AS f (organization_id, used)
            JOIN organization_credits AS c USING (organization_id);
        END
        $$
        $function$, 'UUID', runbook.key_type()), '/*columns*/', concat(
            CASE WHEN NOT keeps_itself THEN ', remaining_credits = c.remaining_credits - (state.used - COALESCE(c.used_credits, 0))' END,
            CASE WHEN is_stamped THEN ', updated_at = now()' END
        )),
        '/*remaining*/', CASE WHEN is_generated THEN '' ELSE ', remaining_credits' END),
        '/*left*/', CASE WHEN is_generated THEN '' ELSE ', born.total - born.used' END),
        '/*due*/', CASE is_booked
            -- It booked nothing where there was no old pool yet
            WHEN TRUE THEN 'CASE WHEN was.used IS NULL AND COALESCE(c.used_credits, 0) = 0 '
                'THEN counted.since ELSE COALESCE(c.used_credits, 0) END'
            WHEN FALSE THEN 'COALESCE(c.used_credits, 0) + counted.since'
            -- Nobody knows whether it holds them already: what it held when it was migrated does not
            ELSE 'CASE WHEN was.used IS NULL THEN GREATEST(c.used_credits, counted.since) '
                'ELSE LEAST(was.used, COALESCE(c.used_credits, 0)) + counted.since END'
        END),
        '/*begun*/', COALESCE((SELECT string_agg(format(', %I = %L', begun.name, begun.was), '') FROM runbook.columns_begun AS begun), ''));
END
$back$;

REVOKE ALL ON FUNCTION runbook.fold_back(TID, TID), runbook.count_folded_back() FROM PUBLIC;

-- %%backfill organizations
-- Every organization folded back has used what it had used and what it has used since.
SELECT rows, pools, pools_due
FROM runbook.fold_back(
    COALESCE(NULLIF(current_setting('runbook.first', true), ''), '(0,0)')::TID, -- by hand: all of them at once
    COALESCE(NULLIF(current_setting('runbook.last', true), ''), '(4294967295,0)')::TID
);

-- %%sql --note "credits folded back"
-- What was used of the four pools since the migration, and is used of the old ones now
SELECT runbook.count_folded_back() AS organizations, COUNT(*) FILTER (WHERE since > 0) AS of_them_used, COALESCE(SUM(since - (due - used)), 0) AS credits
FROM runbook.folded_back;

-- %%sql --note "old balances after"
-- What the old pools hold now
SELECT COUNT(*) AS organizations, SUM(total_credits) AS total, SUM(used_credits) AS used, SUM(remaining_credits) AS remaining
FROM organization_credits;

-- %%sql --retry
-- The old function stands in its place again, word for word, and what was widened or kept still is as it was.
DO $back$
DECLARE
    this RECORD;
BEGIN
    IF to_regclass('runbook.consumption') IS NOT NULL THEN
        FOR this IN SELECT definition FROM runbook.consumption WHERE bridge IS NOT NULL LOOP
            EXECUTE this.definition;
        END LOOP;
    END IF;

    IF to_regclass('runbook.types_widened') IS NOT NULL THEN
        FOR this IN SELECT undo FROM runbook.types_widened ORDER BY turn DESC LOOP
            EXECUTE this.undo;
        END LOOP;
        DELETE FROM runbook.types_widened;
    END IF;

    PERFORM runbook.give_back_triggers('organizations');
END
$back$;

-- PostgREST answers from what it knows of the schema: let it look again.
NOTIFY pgrst, 'reload schema';

-- %%sql --retry --after-others --drop-made
-- Calls that began with the bridge have ended. What the task made goes, the four pools with it, and in the same
-- transaction the rights come back that were narrowed for their sake.
DO $back$
DECLARE
    this RECORD;
BEGIN
    -- The owner of the function, where it is another's, had to look into the schema
    IF to_regclass('runbook.consumption') IS NOT NULL THEN
        FOR this IN
            SELECT pg_get_userbyid(proowner) AS owner
            FROM runbook.consumption JOIN pg_proc USING (oid)
            WHERE NOT pg_has_role(current_user, proowner, 'USAGE') OR proowner <> current_user::REGROLE
        LOOP
            EXECUTE format('REVOKE USAGE ON SCHEMA runbook FROM %I', this.owner);
        END LOOP;
    END IF;

    -- Columns begun by hand stay
    IF to_regclass('runbook.columns_begun') IS NOT NULL THEN
        FOR this IN
            SELECT name, had_default
            FROM runbook.columns_begun
            JOIN pg_attribute ON attrelid = 'organizations'::REGCLASS AND attname = name AND NOT attisdropped
        LOOP
            EXECUTE format('ALTER TABLE organizations ALTER COLUMN %I %s', this.name, COALESCE('SET DEFAULT ' || this.had_default, 'DROP DEFAULT'));
        END LOOP;
    END IF;
END
$back$;

SELECT runbook.give_back_rights('Task 2');

-- What somebody must look at: old pools that are overdrawn now, or hold less than what was consumed because they refuse
-- debt; those that were made to hold what was consumed, or could not be made; and whose four pools held more, or less,
-- than the migration gave them.
SELECT o.id AS organization_id, o.name, f.since AS consumed, c.remaining_credits, f.due - f.used AS not_in_its_balance,
    f.had_pool AS had_old_pool, changed.added AS added_to_its_pools
FROM organizations AS o
LEFT JOIN runbook.folded_back AS f ON f.organization_id = o.id
LEFT JOIN runbook.pools_changed AS changed ON changed.organization_id = o.id::TEXT
LEFT JOIN organization_credits AS c ON c.organization_id = o.id
WHERE f.since > 0 AND (NOT f.had_pool OR c.remaining_credits < 0 OR f.due > f.used) OR f.is_born AND c.organization_id IS NULL
    OR changed.added <> 0
ORDER BY f.since DESC NULLS LAST, o.id;
