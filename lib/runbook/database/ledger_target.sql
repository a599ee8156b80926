-- Who runs on the target, and which target this is.

-- The session that runs a plan here. It holds the target while it lives; nobody else may touch the row.
CREATE TABLE IF NOT EXISTS runbook.holders (
    plan          text PRIMARY KEY,
    name          text NOT NULL, -- application_name of the session
    backend       integer NOT NULL,
    backend_start timestamptz, -- NULL: the role may not see it
    taken_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE runbook.holders ALTER COLUMN backend_start DROP NOT NULL;

-- Which environment of a plan this database is, and which database it was when it became that.
CREATE TABLE IF NOT EXISTS runbook.targets (
    plan        text PRIMARY KEY,
    environment text NOT NULL,
    identity    jsonb NOT NULL,
    claimed_by  text NOT NULL,
    claimed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    adopted_at  timestamptz -- when an operator said that it is meant, although something about it is new
);

-- What decided what a task did: its own notebook and scripts, and what all tasks share.
ALTER TABLE runbook.tasks ADD COLUMN IF NOT EXISTS content text NOT NULL DEFAULT '';

-- The tasks a run is about, which --resume goes on with.
ALTER TABLE runbook.runs ADD COLUMN IF NOT EXISTS first_task integer, ADD COLUMN IF NOT EXISTS last_task integer;
