-- the actions of a statement are booked together, by a trigger on statements
-- of: balance
-- debit: nothing
CREATE FUNCTION book_all() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN UPDATE organization_credits AS c SET used_credits = used_credits + n, remaining_credits = remaining_credits - n FROM (SELECT organization_id, sum(credits_consumed) AS n FROM made GROUP BY 1) AS m WHERE c.organization_id = m.organization_id; RETURN NULL; END $$;
REVOKE ALL ON FUNCTION book_all() FROM PUBLIC, anon, authenticated;
CREATE TRIGGER book_all AFTER INSERT ON credit_actions REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION book_all();
