"""Wide rows: the backfill where an organization has 40 columns, 4 kB of JSONB, six indexes and triggers.

On demand: `python -m bench wide`.
"""

from functools import partial

from bench.backfill import AFTER, BARE, FASTER_THAN_BRIEF, LITERAL, OVER_THE_FLOOR, UNITS, by_brief, floor, ours
from bench.figures import Finding, Options, Part, Say, interleave
from bench.place import Place

COLUMNS = 40
INDEXED = ("name", "status", "created_at", "more_1", "more_2", "more_3")
# Two JSONB of 2 kB each, which do not compress
WIDE = f"""
DO $$
BEGIN
    FOR n IN 1 .. {COLUMNS} - (
        SELECT count(*) + 2 FROM pg_attribute WHERE attrelid = 'organizations'::regclass AND attnum > 0
    ) LOOP
        EXECUTE format('ALTER TABLE organizations ADD more_%s text DEFAULT %L', n, 'column ' || n);
    END LOOP;
END
$$;
ALTER TABLE organizations ADD settings jsonb, ADD profile jsonb;
UPDATE organizations SET settings = filled, profile = filled
FROM (
    SELECT id AS chosen, jsonb_build_object('words', (
        SELECT string_agg(md5(id::text || n), '') FROM generate_series(1, 62) AS n
    )) AS filled
    FROM organizations
) AS pages
WHERE id = chosen;
{"".join(f"CREATE INDEX ON organizations ({column});" for column in INDEXED)}
"""
STAMPED = """
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at = now(); RETURN NEW; END';
CREATE TRIGGER stamp BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION stamp();
"""
AUDITED = """
CREATE TABLE organizations_log (at timestamptz DEFAULT now(), was jsonb, now jsonb);
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    'BEGIN INSERT INTO organizations_log (was, now) VALUES (to_jsonb(OLD), to_jsonb(NEW)); RETURN NULL; END';
CREATE TRIGGER keep AFTER UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION keep();
"""
SHAPES = {"wide": WIDE, "stamped": WIDE + STAMPED, "audited": WIDE + STAMPED + AUDITED}


def run(options: Options, place: Place, say: Say) -> Part:
    """Migrate 200,000 wide organizations (5,000 if quick): without a trigger, with a stamp, with a log beside it."""
    organizations = options.size(200_000, 5000)
    subjects = {}
    for name, shape in SHAPES.items():
        template = place.template(organizations, shape)
        subjects |= {
            f"{name}: {LITERAL}": partial(by_brief, place, template),
            f"{name}: {AFTER}": partial(ours, place, template, indexes_first=False),
            f"{name}: {BARE}": partial(floor, place, template),
        }
    samples = interleave(subjects, options.times(1, 1), options.patience, say)
    findings = []
    for name in SHAPES:
        literal, after, bare = (f"{name}: {one}" for one in (LITERAL, AFTER, BARE))
        findings += [
            Finding.ratio(f"{name}: DO block / ours", samples, literal, after, "seconds", FASTER_THAN_BRIEF),
            Finding.ratio(f"{name}: ours / floor", samples, after, bare, "seconds", OVER_THE_FLOOR),
        ]
    return Part("wide", f"Backfill of {organizations:,} wide organizations", samples, UNITS, findings)
