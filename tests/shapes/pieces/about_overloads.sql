-- another function of the same name leads to it
-- of: about
-- not with: function_none, function_more_arguments, function_boolean
DO $$ DECLARE f regprocedure = (SELECT oid FROM pg_proc WHERE proname = 'consume_credits_rpc'); BEGIN
  EXECUTE format('CREATE FUNCTION consume_credits_rpc(a %s, b text) RETURNS %s LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS ''SELECT consume_credits_rpc(a, b, 1)''',
    (SELECT proargtypes[0]::regtype FROM pg_proc WHERE oid = f), pg_get_function_result(f)); END $$;
