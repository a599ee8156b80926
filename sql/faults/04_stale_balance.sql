-- task: 4
-- check: a balance read right after a consumption shows it
-- trigger: Caching issues causing stale data
-- point: before the check
-- reason: the counters keep their old values when a credit is consumed
CREATE FUNCTION keep_old() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RETURN OLD;
END
$$;

CREATE TRIGGER keep_old BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION keep_old();
