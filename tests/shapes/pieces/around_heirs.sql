-- tables inherit all three, some of them twice, and hold what is old
-- of: around
-- not with: around_inheritance, around_parts_elsewhere, ids_partitioned, ids_partitioned_by_type, ids_uuid, ids_none, columns_strict_trail, columns_more, columns_somebody_acts, settings_statements_refused, balance_generated, keys_duplicates
CREATE TABLE archived_organizations (archived_at timestamptz NOT NULL DEFAULT now()) INHERITS (organizations);
CREATE TABLE balances_2019 (closed_at date) INHERITS (organization_credits);
CREATE TABLE actions_2019 () INHERITS (credit_actions);
CREATE TABLE actions_2018 () INHERITS (actions_2019);
ALTER TABLE archived_organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE balances_2019 ENABLE ROW LEVEL SECURITY;
ALTER TABLE actions_2019 ENABLE ROW LEVEL SECURITY;
ALTER TABLE actions_2018 ENABLE ROW LEVEL SECURITY;
