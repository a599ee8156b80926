-- Everything that has a definition, a row each: what a run makes and changes is told apart from what others do by it.
-- `definition` says all there is to say of it, `part_of` names what it goes with, `touched` are the transactions that
-- wrote its rows in the catalog. Run with an empty search_path: then every name is qualified.
WITH schemas AS (
    SELECT oid, quote_ident(nspname) AS name, nspowner, nspacl, xmin
    FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
),

of_extensions AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
),

relations AS (
    SELECT
        c.*,
        c.oid AS id,
        c.xmin AS changed,
        c.oid::REGCLASS::TEXT AS name,
        CASE relkind
            WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table'
            WHEN 'c' THEN 'type' ELSE 'table'
        END AS kind
    FROM pg_class AS c
    WHERE relnamespace IN (SELECT oid FROM schemas)
      AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
      AND NOT EXISTS (SELECT FROM of_extensions WHERE classid = 'pg_class'::REGCLASS AND objid = c.oid)
),

functions AS (
    SELECT
        p.*,
        p.oid AS id,
        p.xmin AS changed,
        p.oid::REGPROCEDURE::TEXT AS name,
        CASE prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind
    FROM pg_proc AS p
    WHERE pronamespace IN (SELECT oid FROM schemas)
      AND NOT EXISTS (SELECT FROM of_extensions WHERE classid = 'pg_proc'::REGCLASS AND objid = p.oid)
),

types AS (
    SELECT t.*, t.oid AS id, t.xmin AS changed, format_type(t.oid, NULL) AS name, CASE typtype WHEN 'd' THEN 'domain' ELSE 'type' END AS kind
    FROM pg_type AS t
    WHERE typnamespace IN (SELECT oid FROM schemas)
      AND typtype IN ('d', 'e', 'r', 'b')
      AND NOT EXISTS (SELECT FROM pg_type AS element WHERE element.typarray = t.oid)
      AND NOT EXISTS (SELECT FROM of_extensions WHERE classid = 'pg_type'::REGCLASS AND objid = t.oid)
),

-- What may carry grants, each with the letter that acldefault() knows it by
guarded AS (
    SELECT 'pg_class'::REGCLASS AS classid, id AS objid, 0 AS objsubid, kind || ' ' || name AS name,
        COALESCE(relacl, acldefault(CAST(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END AS "char"), relowner)) AS acl, ARRAY[changed] AS touched
    FROM relations
    WHERE relkind <> 'c'
    UNION ALL
    SELECT 'pg_class'::REGCLASS, r.id, attnum, format('column %s.%I', r.name, attname), attacl, ARRAY[a.xmin]
    FROM pg_attribute AS a
    JOIN relations AS r ON r.id = attrelid
    WHERE attacl IS NOT NULL AND NOT attisdropped
    UNION ALL
    SELECT 'pg_proc'::REGCLASS, id, 0, kind || ' ' || name, COALESCE(proacl, acldefault('f', proowner)), ARRAY[changed] FROM functions
    UNION ALL
    SELECT 'pg_type'::REGCLASS, id, 0, kind || ' ' || name, COALESCE(typacl, acldefault('T', typowner)), ARRAY[changed] FROM types
    UNION ALL
    SELECT 'pg_namespace'::REGCLASS, oid, 0, 'schema ' || name, COALESCE(nspacl, acldefault('n', nspowner)), ARRAY[xmin] FROM schemas
),

owned AS (
    SELECT 'pg_class'::REGCLASS AS classid, id AS objid, kind || ' ' || name AS name, relowner AS owner, changed FROM relations
    UNION ALL
    SELECT 'pg_proc'::REGCLASS, id, kind || ' ' || name, proowner, changed FROM functions
    UNION ALL
    SELECT 'pg_type'::REGCLASS, id, kind || ' ' || name, typowner, changed FROM types
    UNION ALL
    SELECT 'pg_namespace'::REGCLASS, oid, 'schema ' || name, nspowner, xmin FROM schemas
),

others AS (
    SELECT tableoid AS classid, oid AS objid, to_jsonb(o) AS definition, xmin AS changed FROM pg_event_trigger AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_extension AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_publication AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_publication_rel AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_publication_namespace AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_default_acl AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_cast AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_operator AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_opclass AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_opfamily AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_collation AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_conversion AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_ts_config AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_ts_dict AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_language AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_foreign_data_wrapper AS o
    UNION ALL SELECT tableoid, oid, to_jsonb(o), xmin FROM pg_foreign_server AS o
)

SELECT 'schema' AS kind, name AS identity, '' AS part_of, '' AS definition,
    'pg_namespace'::REGCLASS::OID AS classid, oid AS objid, 0 AS objsubid, ARRAY[xmin] AS touched
FROM schemas

UNION ALL
SELECT kind, r.name, '', concat_ws(
        ' ', CASE relpersistence WHEN 'u' THEN 'UNLOGGED' END,
        pg_get_viewdef(CASE WHEN relkind IN ('v', 'm') THEN r.id END),
        'PARTITION BY ' || pg_get_partkeydef(r.id),
        (SELECT 'INHERITS ' || string_agg(inhparent::REGCLASS::TEXT, ', ' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = r.id),
        pg_get_expr(relpartbound, r.id),
        'OF ' || NULLIF(reloftype, 0)::REGTYPE::TEXT,
        (SELECT 'USING ' || amname FROM pg_am WHERE pg_am.oid = relam AND amname <> 'heap'),
        (SELECT 'TABLESPACE ' || quote_ident(spcname) FROM pg_tablespace WHERE pg_tablespace.oid = reltablespace),
        CASE WHEN relkind = 'm' AND NOT relispopulated THEN 'WITH NO DATA' END,
        (SELECT format('AS %s INCREMENT %s MIN %s MAX %s START %s CACHE %s %s', seqtypid::REGTYPE, seqincrement, seqmin, seqmax, seqstart, seqcache,
            CASE WHEN seqcycle THEN 'CYCLE' END) FROM pg_sequence WHERE seqrelid = r.id),
        (SELECT format('OWNED BY %s.%I', refobjid::REGCLASS, attname)
            FROM pg_depend JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
            WHERE classid = 'pg_class'::REGCLASS AND objid = r.id AND deptype IN ('a', 'i') AND relkind = 'S' AND refobjsubid > 0),
        (SELECT format('SERVER %I %s', srvname, ftoptions) FROM pg_foreign_table JOIN pg_foreign_server AS s ON s.oid = ftserver WHERE ftrelid = r.id)
    ),
    'pg_class'::REGCLASS, r.id, 0,
    ARRAY[changed, (SELECT w.xmin FROM pg_rewrite AS w WHERE ev_class = r.id AND rulename = '_RETURN'), (SELECT s.xmin FROM pg_sequence AS s WHERE seqrelid = r.id)]
FROM relations AS r

UNION ALL
SELECT 'owner', name, name, quote_ident(pg_get_userbyid(owner)), classid, objid, 0, ARRAY[changed] FROM owned

UNION ALL
SELECT 'option', format('%s of %s %s', split_part(option, '=', 1), kind, name), kind || ' ' || name, option, 'pg_class'::REGCLASS, id, 0, ARRAY[changed]
FROM relations, unnest(reloptions) AS option

UNION ALL
SELECT 'row security', kind || ' ' || name, kind || ' ' || name,
    concat_ws(', ', CASE WHEN relrowsecurity THEN 'enabled' END, CASE WHEN relforcerowsecurity THEN 'forced' END),
    'pg_class'::REGCLASS, id, 0, ARRAY[changed]
FROM relations
WHERE relrowsecurity OR relforcerowsecurity

UNION ALL
SELECT 'replica identity', kind || ' ' || name, kind || ' ' || name, relreplident::TEXT, 'pg_class'::REGCLASS, id, 0, ARRAY[changed]
FROM relations
WHERE relkind IN ('r', 'p', 'm') AND relreplident <> 'd'

UNION ALL
SELECT 'column', format('%s.%I', name, attname), kind || ' ' || name, concat_ws(
        ' ', format_type(atttypid, atttypmod),
        (SELECT 'COLLATE ' || l.oid::REGCOLLATION::TEXT FROM pg_collation AS l JOIN pg_type AS t ON t.oid = atttypid WHERE l.oid = attcollation AND l.oid <> typcollation),
        CASE attgenerated WHEN 's' THEN 'GENERATED ALWAYS AS (' || pg_get_expr(adbin, adrelid) || ') STORED'
            WHEN 'v' THEN 'GENERATED ALWAYS AS (' || pg_get_expr(adbin, adrelid) || ')' ELSE 'DEFAULT ' || pg_get_expr(adbin, adrelid) END,
        CASE attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY' WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END,
        CASE WHEN attnotnull THEN 'NOT NULL' END,
        (SELECT 'STORAGE ' || attstorage::TEXT FROM pg_type AS t WHERE t.oid = atttypid AND attstorage <> typstorage),
        'COMPRESSION ' || NULLIF(attcompression::TEXT, ''), 'STATISTICS ' || NULLIF(attstattarget, -1), attoptions::TEXT, attfdwoptions::TEXT
    ),
    'pg_class'::REGCLASS, attrelid, attnum, ARRAY[a.xmin, d.xmin]
FROM pg_attribute AS a
JOIN relations AS r ON r.id = attrelid
LEFT JOIN pg_attrdef AS d ON adrelid = attrelid AND adnum = attnum
WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'f', 'c')

UNION ALL
SELECT 'constraint', format('%I on %s', conname, r.name), kind || ' ' || r.name, pg_get_constraintdef(c.oid), 'pg_constraint'::REGCLASS, c.oid, 0, ARRAY[c.xmin]
FROM pg_constraint AS c
JOIN relations AS r ON r.id = conrelid
WHERE contype <> 't'

UNION ALL
SELECT 'constraint', format('%I on %s', conname, t.name), kind || ' ' || t.name, pg_get_constraintdef(c.oid), 'pg_constraint'::REGCLASS, c.oid, 0, ARRAY[c.xmin]
FROM pg_constraint AS c
JOIN types AS t ON t.id = contypid

UNION ALL
SELECT 'index', indexrelid::REGCLASS::TEXT, kind || ' ' || r.name, concat_ws(
        ' ', pg_get_indexdef(indexrelid), CASE WHEN NOT (indisvalid AND indisready) THEN 'INVALID' END,
        CASE WHEN indisclustered THEN 'CLUSTER' END, CASE WHEN indisreplident THEN 'REPLICA IDENTITY' END
    ),
    'pg_class'::REGCLASS, indexrelid, 0, ARRAY[i.xmin, c.xmin]
FROM pg_index AS i
JOIN relations AS r ON r.id = indrelid
JOIN pg_class AS c ON c.oid = indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))

UNION ALL
SELECT 'trigger', format('%I on %s', tgname, r.name), kind || ' ' || r.name, pg_get_triggerdef(t.oid) || CASE tgenabled WHEN 'O' THEN '' ELSE ' ENABLED ' || tgenabled::TEXT END,
    'pg_trigger'::REGCLASS, t.oid, 0, ARRAY[t.xmin]
FROM pg_trigger AS t
JOIN relations AS r ON r.id = tgrelid
WHERE NOT tgisinternal

UNION ALL
SELECT 'rule', format('%I on %s', rulename, r.name), kind || ' ' || r.name, pg_get_ruledef(w.oid), 'pg_rewrite'::REGCLASS, w.oid, 0, ARRAY[w.xmin]
FROM pg_rewrite AS w
JOIN relations AS r ON r.id = ev_class
WHERE rulename <> '_RETURN'

UNION ALL
SELECT 'policy', format('%I on %s', polname, r.name), kind || ' ' || r.name, concat_ws(
        ' ', format('CREATE POLICY %I ON %s', polname, r.name), CASE WHEN NOT polpermissive THEN 'AS RESTRICTIVE' END,
        CASE polcmd WHEN 'r' THEN 'FOR SELECT' WHEN 'a' THEN 'FOR INSERT' WHEN 'w' THEN 'FOR UPDATE' WHEN 'd' THEN 'FOR DELETE' END,
        'TO ' || (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', ' ORDER BY role) FROM unnest(polroles) AS role),
        'USING (' || pg_get_expr(polqual, polrelid) || ')', 'WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')'
    ),
    'pg_policy'::REGCLASS, p.oid, 0, ARRAY[p.xmin]
FROM pg_policy AS p
JOIN relations AS r ON r.id = polrelid

UNION ALL
SELECT kind, name, '', CASE WHEN prokind = 'a' THEN (SELECT to_jsonb(a)::TEXT FROM pg_aggregate AS a WHERE aggfnoid = id) ELSE pg_get_functiondef(id) END,
    'pg_proc'::REGCLASS, id, 0, ARRAY[changed]
FROM functions

UNION ALL
SELECT kind, t.name, '', concat_ws(
        ' ', CASE typtype WHEN 'd' THEN format_type(typbasetype, typtypmod) END, CASE WHEN typnotnull THEN 'NOT NULL' END, 'DEFAULT ' || typdefault,
        (SELECT 'ENUM ' || string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.id),
        (SELECT 'RANGE OF ' || format_type(rngsubtype, NULL) FROM pg_range WHERE rngtypid = t.id)
    ),
    'pg_type'::REGCLASS, t.id, 0, changed || ARRAY(SELECT e.xmin FROM pg_enum AS e WHERE enumtypid = t.id)
FROM types AS t

UNION ALL
SELECT 'statistics object', format('%s.%I', s.name, stxname), '', pg_get_statisticsobjdef(x.oid), 'pg_statistic_ext'::REGCLASS, x.oid, 0, ARRAY[x.xmin]
FROM pg_statistic_ext AS x
JOIN schemas AS s ON s.oid = stxnamespace

UNION ALL
SELECT 'privilege', format(
        '%s on %s to %s by %s', privilege_type, name, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
        quote_ident(pg_get_userbyid(grantor))
    ),
    name, CASE WHEN is_grantable THEN 'WITH GRANT OPTION' ELSE '' END, classid, objid, objsubid, touched
FROM guarded, aclexplode(acl)

UNION ALL
SELECT 'comment', format('on %s %s', type, identity), replace(type, 'table column', 'column') || ' ' || identity, description, classoid, objoid, objsubid, ARRAY[d.xmin]
FROM pg_description AS d, pg_identify_object(classoid, objoid, objsubid)
WHERE objoid >= 16384
  AND NOT EXISTS (SELECT FROM of_extensions WHERE classid = classoid AND objid = objoid)

UNION ALL
SELECT type, identity, '', definition::TEXT, classid, objid, 0, ARRAY[changed]
FROM others, pg_identify_object(classid, objid, 0)
WHERE objid >= 16384
  AND NOT EXISTS (SELECT FROM of_extensions WHERE of_extensions.classid = others.classid AND of_extensions.objid = others.objid)
