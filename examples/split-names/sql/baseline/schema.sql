-- A stand-in for the system before the migration, and its data.
CREATE TABLE users (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL
);

CREATE TABLE orders (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    cents INTEGER NOT NULL
);

CREATE TABLE logins (
    user_id BIGINT NOT NULL REFERENCES users,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, at)
);

INSERT INTO users (email, name)
SELECT format('user%s@example.org', n), CASE n % 10
    WHEN 0 THEN 'Cher'
    WHEN 1 THEN 'Maria del Carmen'
    ELSE format('Given%s Family%s', n, n)
END
FROM generate_series(1, 20000) AS n;

INSERT INTO orders (user_id, cents) SELECT id, 100 + id % 900 FROM users, generate_series(1, 2);

INSERT INTO logins SELECT id, '2026-01-01'::TIMESTAMPTZ + id * INTERVAL '1 minute' FROM users;
