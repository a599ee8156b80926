-- others call the function: in SQL by name and by its very self, in PL/pgSQL, in a view
-- of: about
-- not with: function_none, function_text, function_row, function_integer, function_void, function_more_arguments, function_without_names
CREATE SCHEMA api;
CREATE FUNCTION api.spend(o uuid, n integer) RETURNS text LANGUAGE sql RETURN public.consume_credits_rpc(o, 'ai_chat', n);
CREATE FUNCTION api.spend_by_name(o uuid, n integer) RETURNS text LANGUAGE sql AS $$ SELECT public.consume_credits_rpc(o, 'sms_send', n)::text $$;
CREATE FUNCTION api.spend_twice(o uuid) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM public.consume_credits_rpc(o, 'email_send', 1), public.consume_credits_rpc(o, 'email_send', 1); END $$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA api FROM PUBLIC;
