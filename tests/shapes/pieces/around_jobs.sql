-- a scheduler, as pg_cron is one, knows jobs that write the tables
-- of: around
CREATE SCHEMA cron;
CREATE TABLE cron.job (jobid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, schedule text, command text, active boolean DEFAULT true);
INSERT INTO cron.job (schedule, command) VALUES ('0 0 1 * *', 'UPDATE organization_credits SET used_credits = 0'), ('* * * * *', 'SELECT 1');
