-- The target as it was found, and what of it somebody let stand. Every statement can run again.

-- That a check's rows were accepted, and by whom; and, by digest, the rows that were: a key's digest, its difference.
ALTER TABLE runbook.checks ADD COLUMN IF NOT EXISTS accepted text;

CREATE TABLE IF NOT EXISTS runbook.accepted_rows (
    digest     text NOT NULL,
    key        text NOT NULL,
    difference numeric,
    PRIMARY KEY (digest, key)
);

-- What Tasks 0 and 1 found, as it was before a later task changed anything.
CREATE TABLE IF NOT EXISTS runbook.as_found (
    plan  text NOT NULL,
    name  text NOT NULL,
    value jsonb NOT NULL,
    at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (plan, name)
);
