-- task: 0
-- check: the table has room for nine more columns, the dropped ones counted
-- trigger: Technical environment issues
-- reason: the table has used up nearly all of its 1,600 columns, most of them dropped again

DO $$
DECLARE
    used INTEGER := (SELECT MAX(attnum) FROM pg_attribute WHERE attrelid = 'organizations'::REGCLASS);
BEGIN
    WHILE used < 1595 LOOP
        EXECUTE 'ALTER TABLE organizations ' || (SELECT string_agg('ADD COLUMN filler_' || n || ' INTEGER', ', ') FROM generate_series(1, LEAST(100, 1595 - used)) AS n);
        EXECUTE 'ALTER TABLE organizations ' || (SELECT string_agg('DROP COLUMN filler_' || n, ', ') FROM generate_series(1, LEAST(100, 1595 - used)) AS n);
        used := used + LEAST(100, 1595 - used);
    END LOOP;
END
$$;
