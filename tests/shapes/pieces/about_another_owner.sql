-- the function belongs to another role, of which the owner of the tables is a member
-- of: about
-- not with: function_none
-- as the superuser
CREATE ROLE "Function Owner" NOLOGIN BYPASSRLS;
GRANT "Function Owner" TO guardian;
GRANT CREATE, USAGE ON SCHEMA public TO "Function Owner";
GRANT ALL ON organizations, organization_credits, credit_actions TO "Function Owner";
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "Function Owner";
ALTER FUNCTION consume_credits_rpc OWNER TO "Function Owner";
