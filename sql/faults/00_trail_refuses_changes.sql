-- task: 0
-- check: a row of the trail can be changed and taken back
-- trigger: Technical environment issues
-- point: before the check
-- reason: a trigger refuses to delete audit rows, so that no rollback could take those of the migration back
CREATE FUNCTION refuse_deletion() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'actions are never deleted';
END
$$;

CREATE TRIGGER append_only BEFORE DELETE ON credit_actions FOR EACH ROW EXECUTE FUNCTION refuse_deletion();
