-- What a check decides beside a criterion and a trigger. Every statement can run again.

ALTER TABLE runbook.checks
    ADD COLUMN IF NOT EXISTS deliverable text,
    ADD COLUMN IF NOT EXISTS box         text, -- a condition of preparation
    ADD COLUMN IF NOT EXISTS gate        text; -- the kind of its quality gate
