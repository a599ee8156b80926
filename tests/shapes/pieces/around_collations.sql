-- names and plans are compared by a collation of their own
-- of: around
-- not with: plans_enum, plans_domain, around_citext
CREATE COLLATION "by bytes" (locale = 'C');
ALTER TABLE organizations ALTER name TYPE text COLLATE "by bytes", ALTER plan_name TYPE text COLLATE "by bytes";
