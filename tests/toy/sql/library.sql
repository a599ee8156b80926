CREATE TABLE shelves (shelf integer PRIMARY KEY, room text NOT NULL);

INSERT INTO shelves
SELECT n, 'room ' || n % 7 FROM generate_series(1, current_setting('runbook.shelves')::integer) AS n;
