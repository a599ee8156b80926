-- descriptions and types are domains over short texts
-- of: types
-- expect: blocked
-- not with: around_view_rules, columns_strict_trail
CREATE DOMAIN short_text AS varchar(40); CREATE DOMAIN kind AS varchar(16) NOT NULL;
ALTER TABLE credit_actions ALTER description TYPE short_text, ALTER action_type TYPE kind;
