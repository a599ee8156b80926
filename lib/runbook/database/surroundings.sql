-- What a copy of some schemas needs from elsewhere, and what of it cannot be copied. Objects are (catalog, oid).
-- What a row needs, what pg_dump brings with it, and what the text of a function names: dependencies know no texts.
-- A foreign key is left out where the other table is, so it needs nothing.
WITH RECURSIVE others AS MATERIALIZED (
    SELECT 'pg_class'::regclass AS catalog, c.oid, nspname, relname AS name
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, nspname, proname
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, nspname, typname
    FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = typnamespace
    WHERE typtype IN ('d', 'e', 'r') OR (typtype = 'c' AND EXISTS (
        SELECT FROM pg_class WHERE pg_class.oid = typrelid AND relkind = 'c'))
), outside AS MATERIALIZED (
    SELECT * FROM others
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND nspname <> ALL (%(schemas)s)
), reached (catalog, oid) AS (
    SELECT classid, objid FROM pg_depend JOIN pg_namespace AS n ON n.oid = refobjid
    WHERE refclassid = 'pg_namespace'::regclass AND deptype = 'n'
      AND (nspname = ANY (%(schemas)s) OR (nspname = ANY (%(more)s) AND classid <> 'pg_class'::regclass))
    UNION
    SELECT next.catalog, next.oid
    FROM reached AS needed CROSS JOIN LATERAL (
        SELECT refclassid, refobjid FROM pg_depend
        WHERE classid = needed.catalog AND objid = needed.oid AND deptype <> 'e' AND refobjid >= 16384
          AND refclassid <> 'pg_namespace'::regclass
          AND NOT EXISTS (
              SELECT FROM pg_constraint
              WHERE needed.catalog = 'pg_constraint'::regclass AND pg_constraint.oid = needed.oid AND contype = 'f')
        UNION ALL
        SELECT classid, objid FROM pg_depend
        WHERE refclassid = needed.catalog AND refobjid = needed.oid AND deptype IN ('a', 'i', 'P', 'S')
        UNION ALL
        -- What inherits a table: whoever reads the table reads that too
        SELECT 'pg_class'::regclass, inhrelid FROM pg_inherits
        WHERE needed.catalog = 'pg_class'::regclass AND inhparent = needed.oid
        UNION ALL
        SELECT outside.catalog, outside.oid FROM pg_proc AS p JOIN outside
            ON position(name IN prosrc) > 0 AND prosrc ~* ('\m' || regexp_replace(name, '\W', '.', 'g') || '\M')
            AND (position(nspname IN concat_ws(' ', prosrc, array_to_string(proconfig, ' '))) > 0
                 OR nspname = ANY (current_schemas(false)))
        WHERE needed.catalog = 'pg_proc'::regclass AND p.oid = needed.oid AND p.oid >= 16384
    ) AS next (catalog, oid)
    WHERE NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = needed.catalog AND objid = needed.oid AND deptype = 'e')
), needed AS MATERIALIZED (SELECT DISTINCT catalog::regclass AS catalog, oid FROM reached),

-- What this role cannot make or read, each with the reason
uncopyable AS MATERIALIZED (
    SELECT needed.*, why
    FROM needed
    LEFT JOIN pg_class ON catalog = 'pg_class'::regclass AND pg_class.oid = needed.oid
    LEFT JOIN pg_proc ON catalog = 'pg_proc'::regclass AND pg_proc.oid = needed.oid
    LEFT JOIN pg_language ON pg_language.oid = prolang
    LEFT JOIN pg_depend ON classid = catalog AND objid = needed.oid AND deptype = 'e'
    LEFT JOIN pg_extension ON pg_extension.oid = refobjid
    CROSS JOIN LATERAL (SELECT CASE
        WHEN extname IS NOT NULL THEN CASE WHEN NOT EXISTS (
            SELECT FROM pg_available_extension_versions WHERE name = extname AND (trusted OR NOT superuser)
        ) THEN format('only a superuser makes the extension %%s', extname) END
        WHEN relkind = 'f' THEN 'a foreign table: its server is not copied'
        WHEN relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT has_table_privilege(pg_class.oid, 'SELECT')
            THEN format('%%s may not read it', current_user)
        WHEN NOT lanpltrusted AND NOT EXISTS (
            SELECT FROM pg_aggregate WHERE aggfnoid = pg_proc.oid AND 'internal'::regtype <> ALL (ARRAY[aggtranstype, aggmtranstype])
        ) THEN format('only a superuser makes what is written in %%s', lanname)
        WHEN catalog IN ('pg_opclass'::regclass, 'pg_opfamily'::regclass, 'pg_ts_parser'::regclass,
            'pg_ts_template'::regclass) THEN 'only a superuser makes it'
    END) AS reasons (why)
    WHERE why IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper)
),

-- What the text of a trigger's function names: without it, the trigger could not fire
named_by_triggers AS MATERIALIZED (
    SELECT outside.catalog, outside.oid, p.oid AS function
    FROM needed AS n
    JOIN pg_proc AS p ON n.catalog = 'pg_proc'::regclass AND p.oid = n.oid AND prorettype = 'trigger'::regtype
    JOIN outside ON position(name IN prosrc) > 0 AND prosrc ~* ('\m' || regexp_replace(name, '\W', '.', 'g') || '\M')
        AND position(nspname IN concat_ws(' ', prosrc, array_to_string(proconfig, ' '))) > 0
),

-- What leans on it goes with it; what stands inside a definition takes the whole along
leaning (catalog, oid, root_catalog, root) AS (
    SELECT catalog, oid, catalog, oid FROM uncopyable
    UNION
    SELECT next.*, root_catalog, root
    FROM leaning CROSS JOIN LATERAL (
        SELECT classid, objid FROM pg_depend
        WHERE refclassid = catalog AND refobjid = leaning.oid AND deptype <> 'e'
        UNION ALL
        SELECT refclassid, refobjid FROM pg_depend
        WHERE classid = catalog AND objid = leaning.oid AND refclassid <> 'pg_namespace'::regclass
          AND deptype IN ('a', 'i') AND (
            catalog IN ('pg_attrdef'::regclass, 'pg_rewrite'::regclass)
            OR EXISTS (SELECT FROM pg_constraint AS c
                WHERE catalog = 'pg_constraint'::regclass AND c.oid = leaning.oid AND contype = 'c'))
        UNION ALL
        SELECT 'pg_proc'::regclass, function FROM named_by_triggers AS named
        WHERE (named.catalog, named.oid) = (leaning.catalog, leaning.oid)
    ) AS next (catalog, oid)
    WHERE EXISTS (SELECT FROM needed AS n WHERE (n.catalog, n.oid) = (next.catalog, next.oid))
), left_out AS MATERIALIZED (SELECT DISTINCT * FROM leaning),

beside AS MATERIALIZED (
    SELECT DISTINCT nspname
    FROM needed AS n
    JOIN pg_depend ON classid = catalog AND objid = n.oid AND refclassid = 'pg_namespace'::regclass
    JOIN pg_namespace ON pg_namespace.oid = refobjid
    WHERE nspname <> ALL (%(schemas)s) AND nspname !~ '^pg_' AND nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = n.catalog AND objid = n.oid AND deptype = 'e')
    ORDER BY 1
),

-- Of the schemas beside, everything that is not needed; of all, what cannot be copied
members AS (
    SELECT classid AS catalog, objid AS oid, nspname
    FROM pg_depend JOIN pg_namespace AS n ON refclassid = 'pg_namespace'::regclass AND n.oid = refobjid
    WHERE nspname IN (SELECT nspname FROM beside) AND deptype = 'n'
), excluded AS (
    SELECT m.catalog::oid::bigint AS catalog, m.oid::bigint, nspname AS schema,
        c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AS is_relation, c.relname
    FROM members AS m LEFT JOIN pg_class AS c ON m.catalog = 'pg_class'::regclass AND c.oid = m.oid
    WHERE NOT EXISTS (SELECT FROM needed AS n WHERE (n.catalog, n.oid) = (m.catalog, m.oid))
    UNION
    SELECT l.catalog::oid::bigint, l.oid::bigint, nspname, relkind IN ('r', 'p', 'v', 'm', 'f', 'S'), relname
    FROM left_out AS l
    LEFT JOIN pg_depend ON classid = catalog AND objid = l.oid AND refclassid = 'pg_namespace'::regclass
    LEFT JOIN pg_namespace ON pg_namespace.oid = refobjid
    LEFT JOIN pg_class AS c ON catalog = 'pg_class'::regclass AND c.oid = l.oid
),

without_rows AS (
    SELECT nspname, relname FROM needed AS n
    JOIN pg_class AS c ON n.catalog = 'pg_class'::regclass AND c.oid = n.oid
    JOIN pg_namespace AS s ON s.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'SELECT') AND row_security_active(c.oid)
    ORDER BY 1, 2
),

-- With what leans on it, and the functions whose text names it
lacks AS (
    SELECT pg_describe_object(u.catalog, u.oid, 0) AS what, u.why, COALESCE(string_agg(DISTINCT leaning, ', '), '') AS unproven
    FROM uncopyable AS u
    LEFT JOIN pg_class ON u.catalog = 'pg_class'::regclass AND pg_class.oid = u.oid
    LEFT JOIN pg_proc ON u.catalog = 'pg_proc'::regclass AND pg_proc.oid = u.oid
    LEFT JOIN LATERAL (
        SELECT pg_describe_object(catalog, l.oid, 0) FROM left_out AS l
        WHERE (root_catalog, root) = (u.catalog, u.oid) AND l.oid <> root AND catalog IN (
            'pg_class'::regclass, 'pg_proc'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass)
        UNION
        SELECT pg_describe_object(n.catalog, n.oid, 0)
        FROM needed AS n JOIN pg_proc AS p ON catalog = 'pg_proc'::regclass AND p.oid = n.oid
        WHERE p.oid <> u.oid AND position(COALESCE(relname, pg_proc.proname) IN p.prosrc) > 0
    ) AS all_leaning (leaning) ON true
    GROUP BY u.catalog, u.oid, u.why
    ORDER BY 1
)

SELECT
    (SELECT array_agg(nspname::text ORDER BY nspname) FROM beside),
    (SELECT json_agg(excluded) FROM excluded),
    (SELECT json_agg(without_rows) FROM without_rows),
    (SELECT json_agg(lacks) FROM lacks)
