-- That a migration was made final: its rollback is closed. Every statement can run again.
CREATE TABLE IF NOT EXISTS runbook.finished (
    plan     text PRIMARY KEY,
    run_id   text NOT NULL,
    operator text NOT NULL,
    facts    jsonb NOT NULL, -- what was archived, dropped and kept
    at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
