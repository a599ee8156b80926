-- the three tables have further columns, called as words of the notebooks' own statements
-- of: columns
-- not with: columns_more, columns_soft_deleted, columns_of_every_kind, function_does_more
DO $$ DECLARE t text; BEGIN FOREACH t IN ARRAY '{organizations,organization_credits,credit_actions}'::text[] LOOP
  EXECUTE format('ALTER TABLE %I ADD "action" text, ADD "action_id" text, ADD "actions" text, ADD "amount" text, ADD "answer" text, ADD "balance" text, ADD "body" text, ADD "carried" text, ADD "chosen" text, ADD "code" text, ADD "consumed" text, ADD "credits" text, ADD "due" text, ADD "found" text, ADD "held" text, ADD "key" text, ADD "kind" text, ADD "known" text, ADD "level" text, ADD "line" text, ADD "logged" text, ADD "month" text, ADD "number" text, ADD "object" text, ADD "org" text, ADD "org_id" text, ADD "organization" text, ADD "others" text, ADD "place" text, ADD "plan" text, ADD "plan_type" text, ADD "pool" text, ADD "role" text, ADD "rows" text, ADD "rule" text, ADD "sample" text, ADD "since" text, ADD "state" text, ADD "tier" text, ADD "turn" text, ADD "type" text, ADD "used" text, ADD "usual" text, ADD "value" text', t);
END LOOP; END $$;
