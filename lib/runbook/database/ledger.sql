-- What the runbook remembers in the target. Every statement can run again and changes nothing then.

CREATE SCHEMA IF NOT EXISTS runbook;

-- The digest of the SQL that made this, so that other SQL knows that it must run.
CREATE TABLE IF NOT EXISTS runbook.version (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    digest text NOT NULL,
    at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS runbook.runs (
    run_id      text PRIMARY KEY,
    plan        text NOT NULL,
    kind        text NOT NULL, -- run, rollback
    environment text NOT NULL,
    operator    text NOT NULL,
    digest      text NOT NULL, -- of notebooks, SQL and plan
    parameters  jsonb NOT NULL,
    status      text NOT NULL DEFAULT 'running',
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
);

CREATE TABLE IF NOT EXISTS runbook.tasks (
    run_id      text NOT NULL REFERENCES runbook.runs,
    number      integer NOT NULL,
    status      text NOT NULL, -- running, complete, failed, rolled_back
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    PRIMARY KEY (run_id, number)
);

CREATE TABLE IF NOT EXISTS runbook.checks (
    run_id    text NOT NULL,
    task      integer NOT NULL,
    name      text NOT NULL,
    position  integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    criterion text,
    trigger   text,
    expected  text NOT NULL,
    actual    text NOT NULL,
    passed    boolean NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, task, name),
    FOREIGN KEY (run_id, task) REFERENCES runbook.tasks
);

-- Whatever else a step wants remembered: measurements, digests, definitions, backup references.
CREATE TABLE IF NOT EXISTS runbook.notes (
    run_id text NOT NULL,
    task   integer NOT NULL,
    name   text NOT NULL,
    value  jsonb NOT NULL,
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, task, name),
    FOREIGN KEY (run_id, task) REFERENCES runbook.tasks
);

-- The schema as it was before a task: what a rollback must give back, to the byte.
CREATE TABLE IF NOT EXISTS runbook.schemas (
    plan       text NOT NULL,
    task       integer NOT NULL,
    definition text NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (plan, task)
);

-- Every object as it was then: name to what it is part of and its definition.
ALTER TABLE runbook.schemas ADD COLUMN IF NOT EXISTS objects jsonb;

-- What each task made, changed and dropped, written in the transaction that did it: what a rollback gives back.
CREATE TABLE IF NOT EXISTS runbook.objects (
    plan     text NOT NULL,
    task     integer NOT NULL,
    kind     text NOT NULL,
    identity text NOT NULL,
    part_of  text NOT NULL, -- such as the table of a column
    classid  oid NOT NULL, -- where it stands in the catalog; 0 while an index is being built
    objid    oid NOT NULL,
    objsubid integer NOT NULL,
    before   text, -- its definition; NULL: there was no such object
    after    text, -- NULL: the task has dropped it
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (plan, task, kind, identity)
);

CREATE TABLE IF NOT EXISTS runbook.approvals (
    approval_id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    environment text NOT NULL,
    digest      text NOT NULL,
    approver    text NOT NULL,
    statement   text NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What an approval covers, and that it may be a rejection; a ledger made before that knew neither.
ALTER TABLE runbook.approvals
    ADD COLUMN IF NOT EXISTS plan     text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS approved boolean NOT NULL DEFAULT true,
    ADD COLUMN IF NOT EXISTS parts    jsonb NOT NULL DEFAULT '{}';

-- Who somebody is by what cannot be typed: the login, an engine the plan trusts, a signature over the decision.
ALTER TABLE runbook.approvals
    ADD COLUMN IF NOT EXISTS login     text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS engine    text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS signature text;
ALTER TABLE runbook.approvals ALTER COLUMN login SET DEFAULT session_user;

-- What an operator wants remembered of a run.
ALTER TABLE runbook.runs ADD COLUMN IF NOT EXISTS note text NOT NULL DEFAULT '';

-- The heads of the seals of a run's evidence: one for each time it ended.
CREATE TABLE IF NOT EXISTS runbook.seals (
    seal_id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    run_id  text NOT NULL REFERENCES runbook.runs,
    head    text NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- How the run had ended then; and the notebook a task has left, which nothing may build upon once it differs.
ALTER TABLE runbook.seals ADD COLUMN IF NOT EXISTS ended text NOT NULL DEFAULT '';
ALTER TABLE runbook.tasks ADD COLUMN IF NOT EXISTS sha256 text;

-- When an operator held the backfills, and let them go on.
CREATE TABLE IF NOT EXISTS runbook.pauses (
    plan     text NOT NULL,
    operator text NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);

-- Where a publication takes all tables, a row of one without a key cannot be changed.
ALTER TABLE runbook.pauses ADD COLUMN IF NOT EXISTS pause_id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY;

CREATE UNIQUE INDEX IF NOT EXISTS one_pause_at_a_time ON runbook.pauses (plan) WHERE ended_at IS NULL;

-- The copies of the target that stand beside it: noted before they are made, forgotten once they are dropped.
CREATE TABLE IF NOT EXISTS runbook.copies (
    name          text PRIMARY KEY,
    made_by       text NOT NULL, -- application_name of the session that made it
    backend       integer NOT NULL,
    backend_start timestamptz, -- NULL: the role may not see it
    made_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE runbook.copies ALTER COLUMN backend_start DROP NOT NULL;

REVOKE ALL ON SCHEMA runbook FROM PUBLIC;
