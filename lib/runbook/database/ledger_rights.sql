-- Rights as data: who holds what on which object, as rows that can be compared, set and given back.
-- Names are quoted already, ready for a GRANT; an ACL that is NULL is read as what it stands for.

CREATE OR REPLACE VIEW runbook.rights AS
SELECT
    kind,
    (pg_identify_object(classid, objid, 0)).identity AS object,
    column_name,
    position,
    quote_ident(pg_get_userbyid(acl.grantor)) AS grantor,
    CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END AS grantee,
    acl.privilege,
    acl.grantable,
    objid,
    quote_ident(pg_get_userbyid(owner)) AS owner
FROM (
    SELECT
        'schema' AS kind, 'pg_namespace'::regclass AS classid, oid AS objid, oid AS namespace, NULL AS column_name,
        nspowner AS owner, COALESCE(nspacl, acldefault('n', nspowner)) AS held
    FROM pg_namespace
    UNION ALL
    SELECT
        CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, 'pg_class'::regclass, oid, relnamespace, NULL,
        relowner, COALESCE(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
    FROM pg_class
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'table', 'pg_class'::regclass, attrelid, relnamespace, quote_ident(attname), relowner, attacl
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE attacl IS NOT NULL AND NOT attisdropped
    UNION ALL
    SELECT 'routine', 'pg_proc'::regclass, oid, pronamespace, NULL, proowner, COALESCE(proacl, acldefault('f', proowner))
    FROM pg_proc
) AS objects
CROSS JOIN LATERAL aclexplode(held) WITH ORDINALITY AS acl (grantor, grantee, privilege, grantable, position)
WHERE namespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)
  AND NOT pg_is_other_temp_schema(namespace)
  AND namespace <> pg_my_temp_schema();

-- What the rights on an object were before they were set for a reason, and what they became.
CREATE TABLE IF NOT EXISTS runbook.rights_set (
    reason text NOT NULL,
    kind   text NOT NULL,
    object text NOT NULL,
    before jsonb NOT NULL,
    after  jsonb NOT NULL,
    PRIMARY KEY (reason, kind, object)
);

-- What was set first has the lower turn.
ALTER TABLE runbook.rights_set ADD COLUMN IF NOT EXISTS turn bigint GENERATED ALWAYS AS IDENTITY;

-- The rights on one object and its columns, in the order in which the catalog holds them.
CREATE OR REPLACE FUNCTION runbook.rights_on(of_kind text, of_object text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
    SELECT COALESCE(jsonb_agg(
        jsonb_build_object(
            'column', column_name, 'grantor', grantor, 'grantee', grantee, 'privilege', privilege, 'grantable', grantable
        )
        ORDER BY column_name COLLATE "C" NULLS FIRST, position
    ), '[]')
    FROM runbook.rights
    WHERE kind = of_kind AND object = of_object
$$;

-- Whose is an object, as a quoted name.
CREATE OR REPLACE FUNCTION runbook.owner_of(of_kind text, of_object text) RETURNS text
LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
    SELECT quote_ident(pg_get_userbyid(CASE of_kind
        WHEN 'schema' THEN (SELECT nspowner FROM pg_namespace WHERE oid = to_regnamespace(of_object))
        WHEN 'routine' THEN (SELECT proowner FROM pg_proc WHERE oid = to_regprocedure(of_object))
        ELSE (SELECT relowner FROM pg_class WHERE oid = to_regclass(of_object))
    END))
$$;

-- Of these rights those that can stand, in an order in which they can be granted: what somebody granted on stands as
-- long as its grantor may grant it.
CREATE OR REPLACE FUNCTION runbook.standing_rights(of_kind text, of_object text, wanted jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
    WITH RECURSIVE entries AS (
        -- With the grant option and without it is one right, with it.
        SELECT held - 'grantable' || jsonb_build_object('grantable', bool_or((held ->> 'grantable')::boolean)) AS held, min(place) AS place
        FROM jsonb_array_elements(wanted) WITH ORDINALITY AS entries (held, place)
        GROUP BY held - 'grantable'
    ),

    standing AS (
        SELECT held, place, 0 AS depth, place AS turn FROM entries WHERE held ->> 'grantor' = runbook.owner_of(of_kind, of_object)
        UNION
        SELECT entries.held, entries.place, depth + 1, GREATEST(entries.place, turn)
        FROM standing
        JOIN entries ON entries.held ->> 'grantor' = standing.held ->> 'grantee'
            AND entries.held ->> 'privilege' = standing.held ->> 'privilege'
            AND (standing.held ->> 'grantable')::boolean
            AND standing.held ->> 'column' IS NOT DISTINCT FROM CASE
                WHEN standing.held ->> 'column' IS NOT NULL THEN entries.held ->> 'column'
            END
    )

    SELECT COALESCE(jsonb_agg(held ORDER BY held ->> 'column' COLLATE "C" NULLS FIRST, turn, depth, place), '[]')
    FROM (SELECT DISTINCT ON (place) * FROM standing ORDER BY place, turn, depth) AS each
$$;

-- Make the rights on an object and its columns these, each granted by whom it names, but for those that cannot stand.
CREATE OR REPLACE FUNCTION runbook.make_rights(of_kind text, of_object text, wanted jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    this_role text := current_setting('role');
    owner_name text := runbook.owner_of(of_kind, of_object);
    steps jsonb;
    this jsonb;
    made jsonb;
BEGIN
    wanted := runbook.standing_rights(of_kind, of_object, wanted);
    IF runbook.rights_on(of_kind, of_object) = wanted THEN
        RETURN;
    END IF;

    -- Everything is read before the role changes. Who grants also revokes, the owner last. Each revokes the very right he
    -- granted, what rests on it first: one who holds columns alone may not revoke from the whole, and what was granted by
    -- column on the strength of a right to the whole stays when only that right goes.
    SELECT jsonb_agg(jsonb_build_object('grantor', grantor, 'statement', statement) ORDER BY turn) INTO steps
    FROM (
        SELECT
            -place AS turn, held ->> 'grantor' AS grantor,
            format(
                'REVOKE %s ON %s %s FROM %s CASCADE',
                concat(held ->> 'privilege', ' (' || (held ->> 'column') || ')'), of_kind, of_object, held ->> 'grantee'
            ) AS statement
        FROM jsonb_array_elements(runbook.standing_rights(of_kind, of_object, runbook.rights_on(of_kind, of_object)))
            WITH ORDINALITY AS entries (held, place)
        WHERE held ->> 'grantor' <> owner_name
        UNION ALL
        SELECT DISTINCT 0, owner_name, format('REVOKE ALL ON %s %s FROM %s CASCADE', of_kind, of_object, held ->> 'grantee')
        FROM jsonb_array_elements(runbook.rights_on(of_kind, of_object)) AS held
        WHERE held ->> 'grantor' = owner_name
        UNION ALL
        SELECT
            min(place), held ->> 'grantor',
            format(
                'GRANT %s ON %s %s TO %s%s',
                string_agg(concat(held ->> 'privilege', ' (' || (held ->> 'column') || ')'), ', ' ORDER BY place),
                of_kind, of_object, held ->> 'grantee',
                CASE WHEN (held ->> 'grantable')::boolean THEN ' WITH GRANT OPTION' END
            )
        FROM jsonb_array_elements(wanted) WITH ORDINALITY AS entries (held, place)
        GROUP BY held ->> 'column', held ->> 'grantor', held ->> 'grantee', held ->> 'grantable'
    ) AS statements;

    FOR this IN SELECT jsonb_array_elements(steps) LOOP
        IF this ->> 'grantor' = owner_name THEN
            EXECUTE this ->> 'statement';
        ELSE
            EXECUTE format('SET LOCAL ROLE %s', this ->> 'grantor');
            EXECUTE this ->> 'statement';
            EXECUTE format('SET LOCAL ROLE %s', CASE this_role WHEN 'none' THEN 'NONE' ELSE quote_ident(this_role) END);
        END IF;
    END LOOP;

    -- A REVOKE or GRANT that does nothing says nothing: look.
    made := runbook.rights_on(of_kind, of_object);
    IF NOT (made <@ wanted AND wanted <@ made) THEN
        RAISE EXCEPTION 'The rights on % % cannot be made what they must be', of_kind, of_object
            USING DETAIL = concat(
                      'Lacking would be ', COALESCE((SELECT jsonb_agg(held) FROM jsonb_array_elements(wanted) AS held WHERE NOT made @> jsonb_build_array(held)), '[]'),
                      ', too many ', COALESCE((SELECT jsonb_agg(held) FROM jsonb_array_elements(made) AS held WHERE NOT wanted @> jsonb_build_array(held)), '[]')
                  ),
                  HINT = 'Does a role that may be taken here grant each of them?';
    END IF;
END
$$;

-- The rights on an object before they were set, plus what others granted and revoked since. Where they took a privilege
-- from somebody altogether, or the whole object, nothing of it comes back: what was set may have left but a part of it.
CREATE OR REPLACE FUNCTION runbook.rights_due(before jsonb, after jsonb, now_held jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp
AS $$
    SELECT COALESCE(jsonb_agg(held ORDER BY turn, place), '[]')
    FROM (
        SELECT 1 AS turn, place, held
        FROM jsonb_array_elements(before) WITH ORDINALITY AS were (held, place)
        WHERE NOT EXISTS (
            SELECT FROM (VALUES
                (held, held),
                (held - '{column,grantor,grantable}'::text[], held - '{column,grantor,grantable}'::text[]),
                (jsonb_build_object('grantee', held -> 'grantee', 'column', NULL), jsonb_build_object('grantee', held -> 'grantee'))
            ) AS taken (had, has)
            WHERE after @> jsonb_build_array(had) AND NOT now_held @> jsonb_build_array(has)
        )
        UNION ALL
        SELECT 2, place, held
        FROM jsonb_array_elements(now_held) WITH ORDINALITY AS are (held, place)
        WHERE NOT after @> jsonb_build_array(held) AND NOT before @> jsonb_build_array(held)
    ) AS entries
$$;

-- The rights on an object as they would be, had nothing been set since for other reasons: what a later task of ours took
-- was not taken by others.
CREATE OR REPLACE FUNCTION runbook.rights_before_later(for_reason text, of_kind text, of_object text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
DECLARE
    held jsonb := runbook.rights_on(of_kind, of_object);
    later runbook.rights_set;
BEGIN
    FOR later IN
        SELECT other.*
        FROM runbook.rights_set AS own
        JOIN runbook.rights_set AS other USING (kind, object)
        WHERE own.reason = for_reason AND kind = of_kind AND object = of_object AND other.turn > own.turn
        ORDER BY other.turn DESC
    LOOP
        held := runbook.rights_due(later.before, later.after, held);
    END LOOP;
    RETURN held;
END
$$;

-- Make the rights on an object exactly these, and remember, for this reason, what they were and what they became.
CREATE OR REPLACE FUNCTION runbook.set_rights(for_reason text, of_kind text, of_object text, wanted jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    found jsonb := runbook.rights_before_later(for_reason, of_kind, of_object);
BEGIN
    PERFORM runbook.make_rights(of_kind, of_object, wanted);
    INSERT INTO runbook.rights_set (reason, kind, object, before, after)
    VALUES (for_reason, of_kind, of_object, found, runbook.rights_before_later(for_reason, of_kind, of_object))
    ON CONFLICT (reason, kind, object) DO UPDATE
    SET before = runbook.rights_due(rights_set.before, rights_set.after, excluded.before), after = excluded.after;
END
$$;

-- Give the rights back that were set for a reason. What others granted or revoked since stays granted or revoked.
CREATE OR REPLACE FUNCTION runbook.give_back_rights(for_reason text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    this runbook.rights_set;
    now_held jsonb;
    wanted jsonb;
BEGIN
    FOR this IN SELECT * FROM runbook.rights_set WHERE reason = for_reason LOOP
        now_held := runbook.rights_on(this.kind, this.object);
        IF now_held <> '[]' THEN
            SELECT COALESCE(jsonb_agg(held ORDER BY place), '[]') INTO wanted
            FROM jsonb_array_elements(runbook.rights_due(this.before, this.after, now_held)) WITH ORDINALITY AS due (held, place)
            WHERE held ->> 'grantee' = 'PUBLIC' OR to_regrole(held ->> 'grantee') IS NOT NULL; -- a role may be gone
            PERFORM runbook.make_rights(this.kind, this.object, wanted);

            -- What others have taken since is no longer ours to give back
            DELETE FROM runbook.objects AS o
            USING jsonb_array_elements(this.before) AS taken
            WHERE NOT wanted @> jsonb_build_array(taken)
              AND o.kind = 'privilege'
              AND o.after IS NULL
              AND o.objid = CASE this.kind
                  WHEN 'schema' THEN to_regnamespace(this.object)::oid
                  WHEN 'routine' THEN to_regprocedure(this.object)::oid
                  ELSE to_regclass(this.object)::oid
              END
              AND split_part(o.identity, ' on ', 1) = taken ->> 'privilege'
              AND (o.objsubid > 0) = (taken ->> 'column' IS NOT NULL)
              AND (o.objsubid = 0 OR o.part_of = format('column %s.%s', this.object, taken ->> 'column'))
              AND right(o.identity, length(concat(' to ', taken ->> 'grantee', ' by ', taken ->> 'grantor')))
                  = concat(' to ', taken ->> 'grantee', ' by ', taken ->> 'grantor');
        END IF;
    END LOOP;
    DELETE FROM runbook.rights_set WHERE reason = for_reason;
END
$$;

-- Leave an object made here to its owner, and to those of its readers that exist: SELECT on a relation, EXECUTE on a routine.
CREATE OR REPLACE FUNCTION runbook.make_private(of_kind text, made oid, readers name[] DEFAULT '{}') RETURNS void
LANGUAGE sql SET search_path = public, pg_temp
AS $$
    SELECT runbook.make_rights(of_kind, object, (
        SELECT COALESCE(jsonb_agg(held), '[]')
        FROM jsonb_array_elements(runbook.rights_on(of_kind, object)) AS held
        WHERE held ->> 'grantee' = owner
    ) || (
        SELECT COALESCE(jsonb_agg(jsonb_build_object(
            'column', NULL, 'grantor', owner, 'grantee', quote_ident(rolname),
            'privilege', CASE of_kind WHEN 'routine' THEN 'EXECUTE' ELSE 'SELECT' END, 'grantable', false
        ) ORDER BY rolname), '[]')
        FROM pg_roles
        WHERE rolname = ANY (readers) AND quote_ident(rolname) <> owner
    ))
    FROM (SELECT DISTINCT object, owner FROM runbook.rights WHERE kind = of_kind AND objid = made) AS found
$$;

REVOKE ALL ON FUNCTION
    runbook.make_private(text, oid, name[]),
    runbook.rights_on(text, text), runbook.owner_of(text, text), runbook.standing_rights(text, text, jsonb),
    runbook.rights_due(jsonb, jsonb, jsonb), runbook.rights_before_later(text, text, text),
    runbook.make_rights(text, text, jsonb), runbook.set_rights(text, text, text, jsonb), runbook.give_back_rights(text)
FROM PUBLIC;
