-- Demo data: the same rows in the same order on every run, whatever the clock, the time zone or the version.
-- Run as guardian, once. Two settings of the session choose the size:
--   runbook.organizations              how many organizations (5000)
--   runbook.actions_per_organization   how many actions of each, on average (10)

CREATE TEMP TABLE sizes AS
SELECT
    COALESCE(NULLIF(current_setting('runbook.organizations', true), ''), '5000')::integer AS organization_count,
    COALESCE(NULLIF(current_setting('runbook.actions_per_organization', true), ''), '10')::integer AS average_actions;

-- A die that always falls the same way for the same seed: 0 to sides - 1.
CREATE FUNCTION pg_temp.roll(seed text, sides integer) RETURNS integer
LANGUAGE sql IMMUTABLE
AS $$ SELECT ('x' || left(md5(seed), 7))::bit(28)::integer % sides $$;

CREATE FUNCTION pg_temp.pick(seed text, choices text[]) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT choices[1 + pg_temp.roll(seed, cardinality(choices))] $$;


-- What real tables hold and migrations forget. So few actions that no total is overdrawn.

CREATE TEMP TABLE edge_cases (ordinal, name, plan_name, status, total_credits, most_actions) AS
VALUES
    ( 1, 'Edge case: no plan',           NULL,           'active',         1000, 20),
    ( 2, 'Edge case: plan "Enterprise"', 'Enterprise',   'active',        50000, 20),
    ( 3, 'Edge case: plan "PREMIUM"',    'PREMIUM',      'active',        10000, 20),
    ( 4, 'Edge case: unknown plan',      'legacy-2019',  'active',         2500, 20),
    ( 5, 'Edge case: empty plan',        '',             'active',         1000, 20),
    ( 6, 'Edge case: total NULL',        'starter',      'active',         NULL,  0),
    ( 7, 'Edge case: total 0',           'free',         'active',            0,  0),
    ( 8, 'Edge case: total 1',           'free',         'active',            1,  1),
    ( 9, 'Edge case: largest total',     'professional', 'active',   2147483647, 20),
    (10, 'Edge case: inactive',          'starter',      'inactive',       1000, 20),
    (11, 'Edge case: no balance',        'starter',      'active',         1000,  0),
    (12, 'O''Neil: {"a"} & Söhne %s',    'professional', 'active',         5000, 20);


-- Organizations joined one after another in the two years before the first action, the edge cases first.

WITH plans (plan_name, total_credits, first, last) AS (
    VALUES
        ('free',           100,  0, 39),
        ('starter',       1000, 40, 69),
        ('professional',  5000, 70, 87),
        ('premium',      10000, 88, 95),
        ('enterprise',   50000, 96, 99)
),

joined AS (
    SELECT ordinal, name, plan_name, status, total_credits
    FROM edge_cases

    UNION ALL

    SELECT
        ordinal,
        concat_ws(
            ' ',
            pg_temp.pick(ordinal || ' family', '{
                Alder, Bergmann, Castelli, Dvořák, Eriksen, Fontaine, Greco, Horváth, Ionescu, Jansen, Kowalski,
                Lindqvist, Moreau, Novak, Okafor, Popescu, Quintana, Rossi, Schneider, Takahashi, Vasquez, Weber
            }'),
            pg_temp.pick(ordinal || ' trade', '{
                Analytics, Architects, Bakery, Clinic, Consulting, Design, Electronics, Energy, Fitness, Foods,
                Furniture, Insurance, Logistics, Media, Motors, Optics, Realty, Software, Textiles, Travel
            }'),
            pg_temp.pick(ordinal || ' form', '{AB, AG, B.V., GmbH, Inc., Kft., Ltd, S.A., S.r.l.}')
        ),
        plan_name,
        CASE WHEN pg_temp.roll(ordinal || ' status', 10) = 0 THEN 'inactive' ELSE 'active' END,
        -- An action costs 5 credits at most, and nobody takes more than twice the average number of actions.
        GREATEST(total_credits, 10 * average_actions)
            -- One in four negotiated for more.
            + CASE WHEN pg_temp.roll(ordinal || ' deal', 4) = 0 THEN pg_temp.roll(ordinal || ' extra', 1000) ELSE 0 END
    FROM sizes
    CROSS JOIN LATERAL generate_series(13, organization_count) AS ordinal
    JOIN plans ON pg_temp.roll(ordinal || ' plan', 100) BETWEEN first AND last
)

INSERT INTO organizations (id, name, plan_name, status, total_credits, contact_email, created_at, updated_at)
SELECT
    md5(ordinal::text)::uuid,
    name,
    plan_name,
    status,
    total_credits,
    pg_temp.pick(ordinal || ' mailbox', '{billing, hello, info, office}') || '.' || ordinal || '@example.com',
    joined_at,
    joined_at
FROM joined
CROSS JOIN sizes
CROSS JOIN LATERAL (
    -- Seconds, because the length of a day or a month depends on the time zone.
    SELECT TIMESTAMPTZ '2023-04-12 16:55:00+00'
        + interval '1 second' * (730 * 86400 * ordinal::bigint / organization_count) AS joined_at
) AS clock
WHERE ordinal <= organization_count
ORDER BY ordinal;


-- Six months of actions, numbered in the order of time. One in ten is automatic: no user, address or browser.

INSERT INTO credit_actions (
    organization_id, user_id, action_type, credits_consumed, description, ip_address, user_agent, created_at
)
SELECT
    organizations.id,
    user_id,
    action_type,
    credits,
    format('Consumed %s %s credits', credits, action_type),
    ip_address,
    user_agent,
    acted_at
FROM organizations
LEFT JOIN edge_cases USING (name)
CROSS JOIN sizes
-- LEAST passes over NULL: only the edge cases are limited.
CROSS JOIN LATERAL generate_series(
    1, LEAST(most_actions, pg_temp.roll(id || ' actions', 2 * average_actions + 1))
) AS number
CROSS JOIN LATERAL (SELECT id || ' ' || number AS seed) AS action
CROSS JOIN LATERAL (
    SELECT
        pg_temp.pick(seed || ' type', '{
            ai_chat, ai_chat, ai_chat, ai_chat, ai_chat,
            whatsapp_message, whatsapp_message, email_send, email_send, sms_send
        }') AS action_type,
        LEAST(organizations.total_credits, 1 + pg_temp.roll(seed || ' credits', 5)) AS credits,
        TIMESTAMPTZ '2025-10-12 16:55:00+00'
            - interval '1 second' * pg_temp.roll(seed || ' time', 183 * 86400) AS acted_at
) AS debit
LEFT JOIN LATERAL (
    SELECT
        md5(id || ' user ' || pg_temp.roll(seed || ' user', 4))::uuid AS user_id,
        pg_temp.pick(seed || ' network', '{192.0.2.0, 198.51.100.0, 203.0.113.0, 2001:db8::}')::inet
            + 1 + pg_temp.roll(seed || ' host', 254) AS ip_address,
        pg_temp.pick(seed || ' browser', ARRAY[
            'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0',
            'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
            'GuardianMobile/3.4 (Android 15)',
            'GuardianMobile/3.4 (iOS 26.0)'
        ]) AS user_agent
) AS caller ON pg_temp.roll(seed || ' automatic', 10) > 0
ORDER BY acted_at, organizations.id, number;


-- Balances follow from the actions.

INSERT INTO organization_credits (organization_id, total_credits, used_credits, remaining_credits, updated_at)
SELECT
    id,
    COALESCE(total_credits, 0),
    COALESCE(used_credits, 0),
    COALESCE(total_credits, 0) - COALESCE(used_credits, 0),
    COALESCE(last_action_at, created_at)
FROM organizations
LEFT JOIN (
    SELECT organization_id, sum(credits_consumed)::integer AS used_credits, max(created_at) AS last_action_at
    FROM credit_actions
    GROUP BY organization_id
) AS spent ON organization_id = id
WHERE name <> 'Edge case: no balance'
ORDER BY created_at;


DROP TABLE sizes, edge_cases;
DROP FUNCTION pg_temp.pick, pg_temp.roll;

-- The planner should know the tables from the first measurement on.
ANALYZE organizations, organization_credits, credit_actions;
