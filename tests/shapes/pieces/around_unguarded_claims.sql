-- who changed a row is read from the claims as JSON, which an empty setting is not
-- of: around
CREATE FUNCTION public.read_actor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM current_setting('request.jwt.claims', true)::jsonb ->> 'sub';
    RETURN NEW;
END $$;
CREATE TRIGGER read_actor BEFORE INSERT OR UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION read_actor();
CREATE TRIGGER read_actor BEFORE INSERT OR UPDATE ON credit_actions FOR EACH ROW EXECUTE FUNCTION read_actor();
CREATE TRIGGER read_actor BEFORE INSERT OR UPDATE ON organization_credits FOR EACH ROW EXECUTE FUNCTION read_actor();
