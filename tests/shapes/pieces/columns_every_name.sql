-- columns with every kind of name on all three tables
-- of: columns
-- not with: columns_more, columns_named_alike, columns_soft_deleted, columns_of_every_kind, function_by_its_name, function_integer, function_does_more, function_reordered
DO $do$ DECLARE t text; BEGIN FOREACH t IN ARRAY '{organizations,organization_credits,credit_actions}'::text[] LOOP
  EXECUTE format('ALTER TABLE %I ADD p_amount int, ADD row_id int, ADD now timestamptz, ADD remaining int, ADD amount int, ADD used int, ADD total int, ADD plan text, ADD id_ int, ADD "Upper Case" text, ADD "quo""ted" text, ADD "it''s" text, ADD "100%%" text, ADD "a:b" text, ADD ":x" text, ADD "$1" text, ADD "$$" text, ADD "{x}" text, ADD "back\slash" text, ADD "überlänge" text, ADD "日本語" text, ADD %I text, ADD "%%s" text, ADD "%%(x)s" text, ADD "select" text, ADD "-- x" text, ADD "a.b" text, ADD "*" text, ADD "old" int, ADD "new" int', t, repeat('x', 63));
END LOOP; END $do$;
