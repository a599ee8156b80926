-- plans, statuses and types are characters padded with blanks
-- of: types
-- not with: plans, columns_strict_trail, around_citext, around_collations
ALTER TABLE organizations ALTER plan_name TYPE char(16), ALTER status TYPE char(10);
ALTER TABLE credit_actions ALTER action_type TYPE char(20);
