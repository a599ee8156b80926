-- organizations has generated columns over the old total
-- of: around
ALTER TABLE organizations ADD is_large boolean GENERATED ALWAYS AS (total_credits > 10000) STORED, ADD search tsvector GENERATED ALWAYS AS (to_tsvector('simple', status)) STORED;
