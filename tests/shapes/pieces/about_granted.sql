-- the function is closed to everybody but those who are named, one of whom may pass it on
-- of: about
-- not with: function_none
-- as the superuser
CREATE ROLE "billing""s" NOLOGIN;
-- as the owner
GRANT USAGE ON SCHEMA public TO "billing""s";
REVOKE ALL ON FUNCTION consume_credits_rpc FROM PUBLIC, anon, authenticated, service_role;
GRANT EXECUTE ON FUNCTION consume_credits_rpc TO service_role WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION consume_credits_rpc TO "billing""s";
SET ROLE service_role;
GRANT EXECUTE ON FUNCTION consume_credits_rpc TO organization_user;
RESET ROLE;
